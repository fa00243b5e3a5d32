// Kills and freezes lock servers of a cluster on this machine, for who plays failover in the dashboard. Only
// `holdfast cluster` allows it: its processes are its own, and it restarts what dies.

import { hostname } from 'node:os'
import type { Status } from '../../wire/messages.ts'
import { BadQuery, type Page } from '../../wire/serving/http.ts'

const frozenMs = 3_000

/** `id` names the server as the status does. */
export function play(deed: 'kill' | 'freeze', status: Status, id: string | null): Page {
  const server = status.servers.find(server => server.id === id)
  if (server === undefined) throw new BadQuery(`there is no server ${id}; take an id from /cluster`)
  if (server.host !== hostname())
    return { status: 409, body: { error: `server ${id} runs on ${server.host}, not here` } }
  try {
    process.kill(server.pid, deed === 'kill' ? 'SIGKILL' : 'SIGSTOP')
  } catch {
    return { status: 409, body: { error: `there is no process ${server.pid} any more` } }
  }
  if (deed === 'freeze') setTimeout(() => thaw(server.pid), frozenMs).unref()
  return { status: 200, body: { did: deed, id, pid: server.pid, ...(deed === 'freeze' && { frozenMs }) } }
}

function thaw(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {} // it was killed meanwhile
}

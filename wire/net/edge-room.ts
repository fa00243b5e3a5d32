// How many sockets a server can have, and for which peers: never more than the process may open files, with
// some kept for the record, for dials, for servers and for operators (B3, B7). Only numbers; nothing is
// refused here.

import { readdirSync, readFileSync } from 'node:fs'
import { operatorsKept, ownFilesKept, serverConnectionsMax, strangersMax } from '../limits.ts'

export interface Room {
  /** Sockets of all kinds together. */
  readonly sockets: number
  /** Sockets that have shown no secret: bare ones, those of HTTP, those before their hello. */
  readonly strangers: number
  readonly servers: number
  readonly clients: number
  /** Clients of other machines: fewer, so that an operator on this one gets in. */
  readonly distantClients: number
}

/** `files` may be open, `open` files are. */
export function roomOf(files: number, open: number, connectionsMax: number): Room {
  const own = between(files >> 3, 16, ownFilesKept)
  const sockets = Math.max(
    8,
    Math.min(files - open - own, connectionsMax + strangersMax + serverConnectionsMax),
  )
  const strangers = between(sockets >> 2, 4, strangersMax)
  const servers = between(sockets >> 3, 2, serverConnectionsMax)
  const clients = Math.max(2, Math.min(connectionsMax, sockets - strangers - servers))
  return {
    sockets,
    strangers,
    servers,
    clients,
    distantClients: clients - Math.min(operatorsKept, clients >> 3),
  }
}

function between(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}

/** What systems commonly allow, for systems that report neither number. */
const filesByDefault = 1_024
const openByDefault = 32

/** How many files this process may have open, sockets among them. */
export function filesAllowed(): number {
  return linuxLimit() ?? reportedLimit() ?? filesByDefault
}

export function filesOpen(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return openByDefault
  }
}

function linuxLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}

/** The limit on systems without /proc. */
function reportedLimit(): number | undefined {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft?: number | string } }
  }
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}

// When a journal comes to something, as its folder shows: for losses of power at just that moment.

import { existsSync, readdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { volumeIn } from '../../lockserver/journal/names.ts'
import { within } from '../fixtures/deadline.ts'

/** Resolves when the journal in this folder has begun a snapshot. */
export async function snapshotBegun(folder: string, withinMs: number): Promise<void> {
  const volumes = readdirSync(folder).filter(name => volumeIn(name) !== undefined)
  const newest = volumes.toSorted().at(-1) ?? '.'
  await firstOf([join(folder, newest)], name => /^snapshot-\d+\.tmp$/.test(name), withinMs)
}

/** Resolves when one of these journals begins to write another state, or when that one counts. */
export async function recovering(
  folders: readonly string[],
  until: 'begun' | 'counts',
  withinMs: number,
): Promise<void> {
  const living = folders.filter(folder => existsSync(folder))
  const before = new Set(living.flatMap(folder => readdirSync(folder)))
  const pattern = until === 'begun' ? /^volume-\d+\.tmp$/ : /^volume-\d+$/
  await firstOf(living, name => pattern.test(name) && !before.has(name), withinMs)
}

/** Snapshots, and whole states, that are being written there. On an ext4 without power none may be seen. */
export function unfinishedIn(folder: string): string[] {
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []
  return names.filter(isUnfinished).map(name => join(folder, name))
}

function isUnfinished(name: string): boolean {
  return /^volume-\d+(\/snapshot-\d+\.tmp|\.tmp\/snapshot-\d+)$/.test(name)
}

async function firstOf(
  folders: readonly string[],
  isIt: (name: string) => boolean,
  withinMs: number,
): Promise<void> {
  const over = new AbortController()
  const come = new Promise<void>(resolve => {
    for (const folder of folders)
      watch(folder, { signal: over.signal }, (_, name) => {
        if (isIt(name ?? '')) resolve()
      })
  })
  const late = () => new Error(`nothing of that kind came within ${withinMs} ms in ${folders.join(', ')}`)
  await within(withinMs, come, late).finally(() => over.abort())
}

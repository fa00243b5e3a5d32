// Which lock servers a local cluster runs, by number: each number has a folder and a port of its own, so that a
// later start finds the journals again. With fewer servers than folders those come first whose state counts (D4).
// It reads, and writes nothing.

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type JournalLook, lookAtJournal } from '../lockserver/journal/driver/look.ts'
import type { ViewRecord } from '../viewservice/record.ts'
import { choiceOf, worthOf } from '../viewservice/recovery.ts'

const folderName = /^lockserver-(\d{1,4})$/

export function folderOf(data: string, number: number): string {
  return join(data, `lockserver-${number}`)
}

/** The numbers to run, in order. */
export async function membersIn(
  data: string,
  servers: number,
  record: ViewRecord | null,
): Promise<readonly number[]> {
  const there = await foldersIn(data)
  const chosen = there.length <= servers ? there : await bestOf(data, there, record)
  const numbers = chosen.slice(0, servers)
  while (numbers.length < servers) numbers.push(nextMember(numbers))
  return numbers.sort((a, b) => a - b)
}

/** The smallest number that is not among these. */
export function nextMember(numbers: readonly number[]): number {
  let next = 1
  while (numbers.includes(next)) next++
  return next
}

export async function foldersIn(data: string): Promise<number[]> {
  const entries = await readdir(data, { withFileTypes: true })
  const numbers = entries.flatMap(entry => {
    const number = Number(folderName.exec(entry.name)?.[1] ?? 0)
    return entry.isDirectory() && number > 0 ? [number] : []
  })
  return numbers.sort((a, b) => a - b)
}

async function bestOf(data: string, numbers: readonly number[], record: ViewRecord | null) {
  const ranked: { readonly number: number; readonly rank: readonly number[] }[] = []
  for (const number of numbers) {
    const looked = await lookAtJournal(folderOf(data, number)).catch(() => null)
    ranked.push({ number, rank: rankOf(looked?.look ?? null, record) })
  }
  ranked.sort((a, b) => byRank(a.rank, b.rank) || a.number - b.number)
  return ranked.map(({ number }) => number)
}

/** As recoveries choose: one whose digest differed last, then by view and operation. A state that does not count: none. */
function rankOf(look: JournalLook | null, record: ViewRecord | null): readonly number[] {
  const imprint = look?.imprint ?? null
  if (imprint === null || record === null || record.view.durability !== 'disk') return []
  const worth = imprint.cluster === record.cluster ? worthOf(choiceOf(record), imprint) : undefined
  return worth === undefined ? [] : [imprint.differs ? 0 : 1, worth.view, imprint.opNumber]
}

function byRank(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < 3; i++) {
    const difference = (b[i] ?? -1) - (a[i] ?? -1)
    if (difference !== 0) return difference
  }
  return 0
}

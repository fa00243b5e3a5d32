// What status says of the disks of a durable cluster: what each journal holds and how its disk does; and while the
// state waits for its recovery, which journals are there, which are waited for, and what a reset would give up.
// It words and aligns; it decides nothing.

import type { RecoveryStatus, ServerStatus, Status } from '../wire/messages.ts'
import { type Column, tableIn } from './columns.ts'
import { showDuration } from './duration.ts'
import { paint } from './output.ts'

const columns: readonly Column[] = [
  { title: 'DISK OF', least: 20 },
  { title: 'HOLDS', least: 10 },
  { title: 'SYNCED', spare: 2 },
  { title: 'SYNC P50', spare: 4 },
  { title: 'P99', spare: 3 },
  { title: 'JOURNAL', spare: 5 },
  { title: 'FREE', spare: 1 },
]

/** Empty for a cluster in memory. */
export function diskLines({ durability, servers }: Status, width: number | null): string[] {
  if (durability !== 'disk' || servers.length === 0) return []
  const [head = '', ...rows] = tableIn(width, columns, servers.map(rowOf))
  return ['', paint('dim', head), ...rows]
}

function rowOf(server: ServerStatus): string[] {
  const { address, disk, low } = server
  if (disk === null) return [address, holds(server), '', '', '', '', '']
  const { bytes, freeBytes, syncP50Us, syncP99Us } = disk
  return [
    address,
    holds(server),
    synced(disk),
    lengthOf(syncP50Us),
    lengthOf(syncP99Us),
    bytes === 0 ? '' : bytesText(bytes),
    freeBytes === null ? '' : paint(low ? 'red' : 'green', bytesText(freeBytes)),
  ]
}

function holds({ disk, imprint, alive }: ServerStatus): string {
  if (disk?.spoilt != null && disk.imprint === null) return paint('red', `spoilt: ${disk.spoilt}`)
  if (disk?.imprint != null) return stateText(disk.imprint)
  if (imprint !== null) return `${stateText(imprint)}, from before its start`
  return disk === null ? (alive ? 'not told yet' : 'not known') : 'nothing yet'
}

function stateText(state: {
  readonly view: number
  readonly as: 'primary' | 'backup'
  readonly told: boolean
  readonly opNumber: number
}): string {
  const { view, as, told, opNumber } = state
  return `view ${view} as ${as}${told ? ' in sync' : ''}, operation ${opNumber}`
}

/** From here on a sync that does not come is told instead of the last one. */
const longMs = 1_000

function synced({ syncAgeMs, unsyncedMs }: NonNullable<ServerStatus['disk']>): string {
  if (unsyncedMs >= longMs) return paint('red', `waits for ${showDuration(unsyncedMs)}`)
  return syncAgeMs === null ? 'never' : `${showDuration(syncAgeMs)} ago`
}

function lengthOf(us: number | null): string {
  if (us === null) return ''
  return us < 10_000 ? `${(us / 1_000).toFixed(2)} ms` : showDuration(us / 1_000)
}

export function bytesText(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(1)} GB`
}

/** Empty while nothing waits for a recovery. */
export function recoveryLines({ recovery, servers }: Status): string[] {
  if (recovery === null) return []
  const { found, waitedFor, patienceMs, lost } = recovery
  return [
    ...found.map(foundText),
    ...servers.flatMap(server => strangerText(server, recovery)),
    ...waitedFor.map(
      ({ id, address }) =>
        `  waited for: the server ${id.slice(0, 8)} at ${address}, or its disk${within(patienceMs)}`,
    ),
    `a reset now: ${lost}`,
  ]
}

function foundText({ address, of, view, opNumber, proof }: RecoveryStatus['found'][number]): string {
  const gone =
    proof === null ? paint('yellow', 'whose process may still live') : `whose process is gone: ${proof}`
  return `  is here: at ${address} view ${view}, operation ${opNumber}, written by ${of.slice(0, 8)}, ${gone}`
}

function within(patienceMs: number): string {
  return patienceMs === 0 ? '' : `; at most ${showDuration(patienceMs)} more if another one is here`
}

/** A journal that is here, and from which nothing may be recovered (D4). */
function strangerText({ id, address, imprint, alive }: ServerStatus, { found }: RecoveryStatus): string[] {
  if (!alive || imprint === null || found.some(each => each.id === id)) return []
  return [`  is here and does not count: at ${address} ${stateText(imprint)}`]
}

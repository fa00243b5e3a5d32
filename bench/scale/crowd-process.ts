// A process of clients that hold locks, or only stay connected. Started by crowd.ts; ends with it.

import { connect, type LockClient } from '../../client/index.ts'

export interface Crowding {
  readonly address: string
  readonly ttlMs: number
  /** Distinguishes the locks and sessions of this process from those of the other crowd processes. */
  readonly prefix: string
}

/** How many locks and sessions this process must have. */
export interface Wanted {
  readonly sessions: number
  readonly locks: number
}

/** The present state. Times are ms since 1970; 0: not yet. */
export interface Standing extends Wanted {
  /** Lost sessions, and sessions that came over to a new primary. */
  readonly lost: number
  readonly over: number
  /** When the last session with a lock came over, and the last of the others. */
  readonly lastHolderAt: number
  readonly lastOtherAt: number
}

export type CrowdReport = { readonly failed: string } | Standing

const { address, ttlMs, prefix } = JSON.parse(process.argv[2] as string) as Crowding
const connectsAtOnce = 64
const acquiresAtOnce = 1_024

const clients: LockClient[] = []
let locks = 0
let lost = 0
let over = 0
let [lastHolderAt, lastOtherAt] = [0, 0]

async function grow(wanted: Wanted): Promise<CrowdReport> {
  await together(connectsAtOnce, wanted.sessions - clients.length, open)
  // Each session takes its own locks, so that all of them hold equally many.
  await together(acquiresAtOnce, wanted.locks - locks, async () => {
    const number = locks++
    await clients[number % clients.length]?.acquire(`${prefix}${number}`)
  })
  return { sessions: clients.length, locks, lost, over, lastHolderAt, lastOtherAt }
}

async function open(): Promise<void> {
  const client = await connect(address, { name: 'bench crowd', ttl: ttlMs, timeout: 60_000 })
  const place = clients.push(client) - 1
  client.on('lost', () => {
    lost++
  })
  client.on('session', ({ resumed }) => {
    if (!resumed) return
    over++
    if (place < locks) lastHolderAt = Date.now()
    else lastOtherAt = Date.now()
  })
}

/** Runs it this many times, some at once. */
async function together(atOnce: number, times: number, act: () => Promise<void>): Promise<void> {
  let left = times
  const lane = async () => {
    while (left-- > 0) await act()
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, Math.max(0, times)) }, lane))
}

process.on('message', (wanted: Wanted) => {
  grow(wanted).then(
    report => process.send?.(report),
    error => process.send?.({ failed: String(error) }),
  )
})
process.on('disconnect', () => process.exit())

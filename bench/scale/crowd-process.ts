// A process of clients that hold locks, or only stay connected. Started by crowd.ts; ends with it.

import { connect, type LockClient } from '../../client/index.ts'

export interface Crowding {
  readonly address: string
  readonly ttlMs: number
  /** Locks and sessions of all crowds together are told apart by this. */
  readonly prefix: string
}

/** How many there shall be, of both. */
export interface Wanted {
  readonly sessions: number
  readonly locks: number
}

export type CrowdReport = { readonly failed: string } | Wanted

const { address, ttlMs, prefix } = JSON.parse(process.argv[2] as string) as Crowding
const connectsAtOnce = 64
const acquiresAtOnce = 1_024

const clients: LockClient[] = []
let locks = 0
let failure: string | undefined

async function grow(wanted: Wanted): Promise<CrowdReport> {
  await together(connectsAtOnce, wanted.sessions - clients.length, open)
  // Each session takes the locks that are its own, so that all of them hold as many.
  await together(acquiresAtOnce, wanted.locks - locks, async () => {
    const number = locks++
    await clients[number % clients.length]?.acquire(`${prefix}${number}`)
  })
  return failure === undefined ? { sessions: clients.length, locks } : { failed: failure }
}

async function open(): Promise<void> {
  const client = await connect(address, { name: 'bench crowd', ttl: ttlMs, timeout: 60_000 })
  client.on('lost', loss => {
    failure ??= `a session was lost: ${loss.code}`
  })
  clients.push(client)
}

/** So many times, some at once. */
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

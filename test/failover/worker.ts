// One client process of the failover tests: acquires and releases without pause, tells the referee,
// and notes when each grant came. Ends when its parent does.

import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import { createInterface } from 'node:readline'
import { connect, type LockClient } from '../../client/index.ts'

export interface WorkerOptions {
  readonly who: string
  readonly view: string
  readonly refereePort: number
  /** Calls at a time on locks that all workers share, beside the call on its own lock. */
  readonly shared: number
  readonly sharedLocks: number
  readonly ttlMs: number
}

/** What the test can ask of a worker. */
export type Ask =
  /** Answered when this many more locks have been granted, or a call has failed. */
  | { readonly ask: 'progress'; readonly more: number }
  /** The longest time without a grant on its own lock, from `from` on (wall clock, ms). */
  | { readonly ask: 'gap'; readonly from: number }
  | { readonly ask: 'stop' }

export interface Answer {
  readonly grants: number
  readonly gapMs: number
  readonly failures: string[]
}

const options = JSON.parse(process.argv[2] as string) as WorkerOptions
const grantTimes: number[] = []
const failures: string[] = []
let grants = 0
let goal = { grants: Number.POSITIVE_INFINITY, reached: () => {} }
let stopping = false

const wall = () => performance.timeOrigin + performance.now()

const socket = connectSocket({ port: options.refereePort, host: '127.0.0.1', noDelay: true })
await once(socket, 'connect')
const answers: (() => void)[] = []
createInterface({ input: socket }).on('line', () => answers.shift()?.())

/** The referee must know of the end of a belief before the release is asked for. */
function drop(name: string, token: number): Promise<void> {
  socket.write(`drop ${options.who} ${name} ${token}\n`)
  return new Promise(resolve => answers.push(resolve))
}

async function pair(locks: LockClient, name: string): Promise<void> {
  const lock = await locks.acquire(name)
  if (++grants >= goal.grants) goal.reached()
  socket.write(`take ${options.who} ${name} ${lock.token}\n`)
  if (!lock.held) failures.push(`${name}: granted, and not held`)
  await drop(name, lock.token)
  if (!lock.held) failures.push(`${name}: lost: ${String(lock.signal.reason)}`)
  await lock.release()
}

async function loop(locks: LockClient, next: () => string, own: boolean): Promise<void> {
  while (!stopping) {
    try {
      await pair(locks, next())
      if (own) grantTimes.push(wall())
    } catch (error) {
      failures.push(String(error))
      goal.reached()
      return
    }
  }
}

function longestGap(from: number): number {
  const after = grantTimes.findIndex(time => time > from)
  if (after < 0) return Number.POSITIVE_INFINITY
  let longest = (grantTimes[after] as number) - from
  for (let i = after + 1; i < grantTimes.length; i++) {
    longest = Math.max(longest, (grantTimes[i] as number) - (grantTimes[i - 1] as number))
  }
  return longest
}

const locks = await connect(options.view, { name: options.who, ttl: options.ttlMs })
let turn = 0
const loops = [loop(locks, () => `own/${options.who}`, true)]
for (let i = 0; i < options.shared; i++) {
  loops.push(loop(locks, () => `shared/${(turn++ * 7 + i) % options.sharedLocks}`, false))
}

function progress(more: number): Promise<void> {
  return new Promise(resolve => {
    goal = { grants: grants + more, reached: resolve }
    if (failures.length > 0) resolve()
  })
}

process.on('message', async (ask: Ask) => {
  if (ask.ask === 'progress') await progress(ask.more)
  if (ask.ask === 'stop') {
    stopping = true
    await Promise.all(loops)
  }
  const gapMs = ask.ask === 'gap' ? longestGap(ask.from) : 0
  process.send?.({ grants, gapMs, failures } satisfies Answer)
  if (ask.ask === 'stop') {
    await locks.close()
    process.disconnect()
    socket.end()
  }
})
process.on('disconnect', () => {
  if (!stopping) process.exit(0)
})
process.send?.({ ready: true })

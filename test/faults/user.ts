// One program that uses the service, in its own process: makes every call that a client can, without pause,
// and writes its history. It knows of servers only the addresses that it is given, and it knows no fault.
// Ends when its parent does.

import { connect, type Lock, type LockClient, LockError, type Mode } from '../../client/index.ts'
import type { Manner } from '../../wire/messages.ts'
import { pause } from '../fixtures/real-pause.ts'
import { type Deed, HistoryFile, now } from './history.ts'

export interface UserOptions {
  readonly who: string
  readonly view: string
  readonly historyFolder: string
  readonly ttlMs: number
  /** Calls at a time on the shared names, beside the call on its own lock. */
  readonly sharedCalls: number
  readonly sharedNames: number
}

/** What a scenario can ask of a user. */
export type Ask =
  /** Answered when its own lock was granted this many more times. */
  | { readonly ask: 'progress'; readonly more: number }
  /** The longest time without a grant of its own lock, from then on (by `now`). */
  | { readonly ask: 'gap'; readonly from: number }
  /** Answered when it holds this lock, which it keeps. */
  | { readonly ask: 'keep'; readonly name: string }
  | { readonly ask: 'giveBack' }
  /** Blocks its event loop for this long, then looks at the kept lock. */
  | { readonly ask: 'stall'; readonly ms: number }
  /** Answered when every call has come to an end; makes no more calls until `work`. */
  | { readonly ask: 'rest' }
  | { readonly ask: 'work' }
  /** Rests, and ends its session. */
  | { readonly ask: 'stop' }

/** Several may be open: each answer has the number of its question; 0: the user is there. */
export type NumberedAsk = Ask & { readonly number: number }

export interface Answer {
  readonly number: number
  readonly gapMs: number
  /** When the kept lock was granted. */
  readonly keptAt: number
  /** What a stalled user saw of the lock that it kept, at its first look and after. */
  readonly awake?: Awake
}

export interface Awake {
  readonly held: boolean
  readonly aborted: boolean
  /** From the end of the stall until a signal that was passed elsewhere fired. */
  readonly handedAfterMs: number
  /** Whether that was before any timer that was set after the stall. */
  readonly handedBeforeTimers: boolean
}

const options = JSON.parse(process.argv[2] as string) as UserOptions
const history = new HistoryFile(options.historyFolder, options.who)
const leaseLookEveryMs = 50
const ownTimes: number[] = []
let goal = { grants: Number.POSITIVE_INFINITY, reached: () => {} }
let calls = 0
let resting = false
let leaving = false
let loops: Promise<void>[] = []

const below = (count: number) => Math.floor(Math.random() * count)
const codeOf = (error: unknown) => (error instanceof LockError ? error.code : String(error))

// ---- calls, each with what it writes down

function noteLease(locks: LockClient): void {
  const at = now()
  const { remaining } = locks.lease
  if (remaining > 0) history.note({ is: 'lease', session: locks.clientId, untilAt: at + remaining }, at)
}

interface Wish {
  readonly mode?: Mode
  readonly manner?: Manner
  readonly patienceMs?: number
}

async function acquire(locks: LockClient, names: readonly string[], wish: Wish = {}): Promise<Lock[]> {
  const { mode = 'exclusive', manner = 'wait', patienceMs } = wish
  const call = ++calls
  const at = now()
  const { signal, done } = patience(call, patienceMs)
  const answer =
    manner === 'ifAvailable'
      ? locks.tryAcquire(names[0] as string, { mode, signal }).then(lock => lock && [lock])
      : locks.acquireAll(names, manner === 'steal' ? { steal: true, signal } : { mode, signal })
  // A call may have begun a new session.
  history.note({ is: 'acquire', call, session: locks.clientId, names, mode, manner }, at)
  try {
    const granted = await answer
    // A user may be frozen between any two lines: it takes the time first, which counts if it still believed
    // then.
    const grantedAt = now()
    if (granted === null) history.note({ is: 'refused', call })
    else if (locks.lease.remaining === 0) history.note({ is: 'failed', call, code: 'SESSION_LOST' })
    else {
      const tokens = granted.map(lock => lock.token)
      history.note({ is: 'granted', call, tokens, session: locks.clientId }, grantedAt)
      noteLease(locks)
      return granted
    }
    return []
  } catch (error) {
    history.note({ is: 'failed', call, code: codeOf(error) })
    return []
  } finally {
    done()
  }
}

/** Written down before it happens: others may have the lock before this process continues. */
function patience(call: number, ms: number | undefined): { signal: AbortSignal | undefined; done(): void } {
  if (ms === undefined) return { signal: undefined, done: () => {} }
  const controller = new AbortController()
  const timer = setTimeout(() => {
    history.note({ is: 'abort', call })
    controller.abort(new LockError('TIMEOUT', false, 'the patience of the user has ended'))
  }, ms)
  return { signal: controller.signal, done: () => clearTimeout(timer) }
}

/** The tokens of lost locks. */
const lost = new Set<number>()

async function release(lock: Lock): Promise<void> {
  const { token } = lock
  // Such a release asks no server, so its end would say nothing of one.
  if (lost.has(token)) return
  history.note({ is: 'release', token })
  await lock.release()
  history.note({ is: 'released', token })
}

/** A call that gives no lock. */
async function ask(call: number, answer: () => Promise<Deed>): Promise<void> {
  try {
    history.note(await answer())
  } catch (error) {
    history.note({ is: 'failed', call, code: codeOf(error) })
  }
}

async function query(locks: LockClient): Promise<void> {
  const call = ++calls
  history.note({ is: 'query', call })
  await ask(call, async () => ({ is: 'queried', call, ...(await locks.query()) }))
}

async function force(locks: LockClient, name: string): Promise<void> {
  const call = ++calls
  const at = now()
  const answer = locks.forceRelease(name)
  history.note({ is: 'force', call, session: locks.clientId, name }, at)
  await ask(call, async () => ({ is: 'forced', call, released: await answer }))
}

// ---- what it does all the time

async function own(locks: LockClient): Promise<void> {
  while (!resting) {
    const granted = await acquire(locks, [`own/${options.who}`])
    if (granted.length > 0) {
      ownTimes.push(now())
      if (ownTimes.length >= goal.grants) goal.reached()
    }
    for (const lock of granted) await release(lock)
    await pause(1)
  }
}

const nameOf = (number: number) => `shared/${number % options.sharedNames}`

async function share(locks: LockClient): Promise<void> {
  while (!resting) {
    const granted = await something(locks, below(100))
    if (granted.length > 0) await pause(below(6))
    for (const lock of granted) await release(lock)
    await pause(2 + below(15))
  }
}

async function something(locks: LockClient, dice: number): Promise<Lock[]> {
  const number = below(options.sharedNames)
  const name = nameOf(number)
  if (dice < 50) return acquire(locks, [name])
  if (dice < 65) return acquire(locks, [name], { mode: 'shared' })
  if (dice < 75) return acquire(locks, [name], { manner: 'ifAvailable' })
  if (dice < 83) return acquire(locks, [name, nameOf(number + 1)])
  if (dice < 93) return acquire(locks, [name], { patienceMs: below(30) })
  if (dice < 95) return acquire(locks, [name], { manner: 'steal' })
  if (dice < 96) await force(locks, name)
  else await query(locks)
  return []
}

function longestGap(from: number): number {
  const times = [from, ...ownTimes.filter(time => time > from)]
  if (times.length === 1) return now() - from
  return Math.max(...times.slice(1).map((time, i) => time - (times[i] as number)))
}

// ---- what a scenario asks of it

let kept: Lock | undefined

async function keep(locks: LockClient, name: string): Promise<void> {
  const [lock] = await acquire(locks, [name])
  kept = lock
}

/** F12: the loop stalls; the kept lock is looked at in the very turn in which it continues. */
async function stall(locks: LockClient, ms: number): Promise<Awake> {
  const lock = kept as Lock
  const handed = lock.signal
  noteLease(locks)
  let awakeAt = Number.POSITIVE_INFINITY
  const fired = new Promise<number>(resolve => {
    handed.addEventListener('abort', () => resolve(now() - awakeAt))
  })
  const until = now() + ms
  while (now() < until);
  awakeAt = now()
  const held = lock.held
  history.note({ is: 'looked', session: locks.clientId, held })
  let timers = 0
  setTimeout(() => timers++, 0)
  // In the next turn, so that the client's own timer notices and not a look at the signal.
  const handedAfterMs = await Promise.race([fired, pause(1_000, Number.POSITIVE_INFINITY)])
  return { held, aborted: lock.signal.aborted, handedAfterMs, handedBeforeTimers: timers === 0 }
}

function progress(more: number): Promise<void> {
  return new Promise(resolve => {
    goal = { grants: ownTimes.length + more, reached: resolve }
  })
}

function work(locks: LockClient): void {
  resting = false
  loops = [own(locks), ...Array.from({ length: options.sharedCalls }, () => share(locks))]
}

async function rest(): Promise<void> {
  resting = true
  await Promise.all(loops)
}

async function obey(locks: LockClient, ask: NumberedAsk): Promise<Answer> {
  let gapMs = 0
  let awake: Awake | undefined
  if (ask.ask === 'progress') await progress(ask.more)
  if (ask.ask === 'gap') gapMs = longestGap(ask.from)
  if (ask.ask === 'keep') await keep(locks, ask.name)
  if (ask.ask === 'giveBack' && kept !== undefined) await release(kept)
  if (ask.ask === 'stall') awake = await stall(locks, ask.ms)
  if (ask.ask === 'work') work(locks)
  if (ask.ask === 'rest' || ask.ask === 'stop') await rest()
  return { number: ask.number, gapMs, keptAt: now(), ...(awake && { awake }) }
}

process.on('disconnect', () => {
  if (!leaving) process.exit(0)
})
const locks = await connect(options.view, { name: options.who, ttl: options.ttlMs, timeout: 30_000 })
locks.on('lost', ({ code, locks: gone }) => {
  for (const { token } of gone) {
    lost.add(token)
    history.note({ is: 'lost', token, code })
  }
  if (code === 'EXPIRED' || code === 'SESSION_LOST')
    history.note({ is: 'sessionLost', session: locks.clientId, code })
})
noteLease(locks)
const looks = setInterval(() => noteLease(locks), leaseLookEveryMs)
work(locks)

process.on('message', async (ask: NumberedAsk) => {
  const answer = await obey(locks, ask)
  process.send?.(answer)
  if (ask.ask === 'stop') {
    leaving = true
    clearInterval(looks)
    await locks.close()
    process.disconnect()
  }
})
process.send?.({ number: 0, gapMs: 0, keptAt: 0 } satisfies Answer)

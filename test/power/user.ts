// One client process: acquires and releases without pause, keeps some locks for long, and writes down, synced, what it was
// told before it does anything about it. It knows no fault. Ends when its parent does.

import { connect, type Lock, LockError, type Mode } from '../../client/index.ts'
import { HistoryFile, now } from '../faults/history.ts'
import { pause } from '../fixtures/real-pause.ts'

export interface UserOptions {
  readonly who: string
  readonly urls: readonly string[]
  readonly historyFolder: string
  readonly ttlMs: number
  /** Calls at a time on the shared names, beside those on its own. */
  readonly sharedCalls: number
  readonly sharedNames: number
}

/** What the run can ask of a user; each is answered when it is so. */
export type Ask =
  /** It makes calls. */
  | { readonly ask: 'work' }
  /** It was granted its own lock this many more times. */
  | { readonly ask: 'progress'; readonly more: number }
  /** It was granted any lock after then (by `now`). */
  | { readonly ask: 'granted'; readonly after: number }
  /** It begins no call, keeps what it has, and no call is under way but acquires that wait. */
  | { readonly ask: 'still' }
  /** Whatever its session was told before is written down. */
  | { readonly ask: 'barrier' }
  /** It has released all but what it keeps for long, and no call is under way. */
  | { readonly ask: 'rest' }

/** Several may be open; 0: the user is there. */
export type NumberedAsk = Ask & { readonly number: number }

export interface Answer {
  readonly number: number
  /** When it was granted a lock first, after the time that was asked for. */
  readonly grantedAt: number
}

const options = JSON.parse(process.argv[2] as string) as UserOptions
const { who } = options
const history = new HistoryFile(options.historyFolder, who)
const keptMax = 5
const leaseLookEveryMs = 250

let calls = 0
let ownGrants = 0
let grantTimes: number[] = []
let resting = true
let loops: Promise<void>[] = []
/** Calls under way that no other user keeps from their answer. */
let busy = 0
/** What is awaited, looked at whenever something may have changed. */
const awaited = new Map<() => boolean, () => void>()
/** While it is shut no call begins. */
let gate: { readonly opens: Promise<void>; readonly open: () => void } | null = null

const below = (count: number) => Math.floor(Math.random() * count)
const codeOf = (error: unknown) => (error instanceof LockError ? error.code : String(error))

function until(isSo: () => boolean): Promise<void> {
  return new Promise(resolve => {
    awaited.set(isSo, resolve)
    look()
  })
}

function look(): void {
  for (const [isSo, resolve] of awaited) {
    if (!isSo()) continue
    awaited.delete(isSo)
    resolve()
  }
}

function shutGate(): void {
  let open = () => {}
  const opens = new Promise<void>(resolve => {
    open = resolve
  })
  gate ??= { opens, open }
}

function openGate(): void {
  gate?.open()
  gate = null
}

async function passGate(): Promise<void> {
  while (gate !== null) await gate.opens
}

async function busily<T>(work: () => Promise<T>): Promise<T> {
  busy++
  try {
    return await work()
  } finally {
    busy--
    look()
  }
}

// ---- calls, each with what it writes down

async function acquire(names: readonly string[], mode: Mode, tries = false): Promise<Lock[]> {
  const call = ++calls
  const at = now()
  const manner = tries ? 'ifAvailable' : 'wait'
  const answer = tries
    ? locks.tryAcquire(names[0] ?? '', { mode }).then(lock => (lock === null ? [] : [lock]))
    : locks.acquireAll(names, { mode })
  history.note({ is: 'acquire', call, session: locks.clientId, names, mode, manner }, at)
  try {
    const granted = await answer
    if (granted.length === 0) history.note({ is: 'refused', call })
    else noteGrant(call, granted)
    await history.synced()
    return granted
  } catch (error) {
    history.note({ is: 'failed', call, code: codeOf(error) })
    return []
  }
}

function noteGrant(call: number, granted: readonly Lock[]): void {
  const at = now()
  history.note({ is: 'granted', call, tokens: granted.map(({ token }) => token) }, at)
  noteLease()
  grantTimes.push(at)
  look()
}

async function release(lock: Lock): Promise<void> {
  const { token } = lock
  // At once, or another call would overtake it.
  history.note({ is: 'release', token })
  await lock.release()
  history.note({ is: 'released', token })
  await history.synced()
}

function noteLease(): void {
  const at = now()
  const { remaining } = locks.lease
  if (remaining > 0) history.note({ is: 'lease', session: locks.clientId, untilAt: at + remaining }, at)
}

// ---- what it does all the time

async function holdAndRelease(granted: readonly Lock[], ms: number): Promise<void> {
  if (granted.length > 0) await pause(ms)
  await passGate()
  await busily(async () => {
    for (const lock of granted) await release(lock)
  })
}

async function own(): Promise<void> {
  while (!resting) {
    await passGate()
    const granted = await busily(() => acquire([`own/${who}`], 'exclusive'))
    ownGrants += granted.length
    look()
    await holdAndRelease(granted, 0)
  }
}

const nameOf = (number: number) => `shared/${number % options.sharedNames}`

async function share(): Promise<void> {
  while (!resting) {
    await passGate()
    await holdAndRelease(await something(below(100)), below(6))
    await pause(below(10))
  }
}

function something(dice: number): Promise<Lock[]> {
  const number = below(options.sharedNames)
  const name = nameOf(number)
  if (dice < 60) return acquire([name], 'exclusive')
  if (dice < 75) return acquire([name], 'shared')
  if (dice < 85) return busily(() => acquire([name], 'exclusive', true))
  return acquire([name, nameOf(number + 1)], 'exclusive')
}

const kept: Lock[] = []
let keeps = 0

async function keep(): Promise<void> {
  while (!resting) {
    await passGate()
    kept.push(...(await busily(() => acquire([`kept/${who}/${++keeps}`], 'exclusive'))))
    const oldest = kept.length > keptMax ? kept.shift() : undefined
    await holdAndRelease(oldest === undefined ? [] : [oldest], 0)
    await pause(50 + below(100))
  }
}

// ---- what the run asks of it

function work(): void {
  grantTimes = []
  openGate()
  if (!resting) return
  resting = false
  loops = [own(), keep(), ...Array.from({ length: options.sharedCalls }, share)]
}

async function still(): Promise<void> {
  shutGate()
  await until(() => busy === 0)
}

async function barrier(): Promise<void> {
  for (const lock of await acquire([`barrier/${who}`], 'exclusive')) await release(lock)
}

async function rest(): Promise<void> {
  resting = true
  openGate()
  await Promise.all(loops)
}

async function obey(ask: NumberedAsk): Promise<Answer> {
  let grantedAt = 0
  if (ask.ask === 'work') work()
  if (ask.ask === 'progress') {
    const goal = ownGrants + ask.more
    await until(() => ownGrants >= goal)
  }
  if (ask.ask === 'granted') {
    await until(() => grantTimes.some(at => at > ask.after))
    grantedAt = grantTimes.find(at => at > ask.after) ?? 0
  }
  if (ask.ask === 'still') await still()
  if (ask.ask === 'barrier') await barrier()
  if (ask.ask === 'rest') await rest()
  return { number: ask.number, grantedAt }
}

process.on('disconnect', () => process.exit(0))
const locks = await connect(options.urls, { name: who, ttl: options.ttlMs, timeout: 60_000 })
locks.on('lost', ({ code, locks: gone }) => {
  for (const { token } of gone) history.note({ is: 'lost', token, code })
  if (code === 'EXPIRED' || code === 'SESSION_LOST')
    history.note({ is: 'sessionLost', session: locks.clientId, code })
})
noteLease()
setInterval(noteLease, leaseLookEveryMs)
process.on('message', async (ask: NumberedAsk) => process.send?.(await obey(ask)))
process.send?.({ number: 0, grantedAt: 0 } satisfies Answer)

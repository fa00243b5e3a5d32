// The cases of the fuzzer: each is one connection to one server in one role, and sends some
// valid frames and at most one invalid frame. The case number and the seed reproduce it.

import type { ErrorCode } from '../../wire/errors.ts'
import type { Channel, View } from '../../wire/messages.ts'
import { wireVersion } from '../../wire/version.ts'
import { frame, type Heard, HostilePeer, hello, newId, RawPeer } from '../fixtures/hostile-peer.ts'
import { idlePing } from '../fixtures/idle-ping.ts'
import { type Random, weighted } from '../fixtures/random.ts'
import { idleHello, keyOf } from '../fixtures/said.ts'
import { drawBytes } from './bytes.ts'
import { drawBroken, drawMessage } from './grammar.ts'
import { Life } from './life.ts'
import { verdictOn } from './oracle.ts'
import { drawRequest, type Kind } from './requests.ts'
import { Surprise, Talk, type Tally } from './talk.ts'

/** The servers under attack. */
export interface Targets {
  readonly cluster: string
  readonly view: string
  readonly primary: string
  readonly others: readonly string[]
  /** A lock server that no view server knows: it accepts any peer that claims to be its primary. */
  readonly lonely: { readonly id: string; readonly url: string }
}

export interface Case {
  readonly number: number
  readonly dice: Random
  readonly targets: Targets
  readonly tally: Tally
}

type Teller = (told: Case) => Promise<void>

/** All of them: a broken frame may have another channel's kind, which this channel's peers may not send. */
const allChannels: readonly Channel[] = [
  'opening',
  'clientToServer',
  'requestRuns',
  'serverToClient',
  'clientToView',
  'serverToView',
  'viewToServer',
  'primaryToBackup',
  'backupToPrimary',
  'entries',
  'records',
]

/** Draws until the oracle condemns a frame; a well-formed one could take effect in the cluster. */
function brokenFrame(channel: Channel, dice: Random): { text: string; codes: ErrorCode[] } {
  for (;;) {
    // Half of a surrogate pair becomes U+FFFD, as on the wire: UTF-8 can't carry it.
    const text = drawBroken(channel, allChannels, dice).toWellFormed()
    const verdict = verdictOn(text, channel)
    if (verdict[0] !== 'fine') return { text, codes: verdict as ErrorCode[] }
  }
}

async function talkTo(url: string, answers: Channel, tally: Tally, from?: unknown): Promise<Talk> {
  const talk = new Talk(await HostilePeer.connect(url), answers, tally)
  if (from === undefined) return talk
  talk.say(hello(from))
  await talk.hear('welcome', ([kind]) => kind === 'welcome')
  return talk
}

const client = { kind: 'client', name: 'fuzz' }

// ---- before the hello

const strangers: Teller = async ({ dice, targets, tally }) => {
  const url = dice.pick([targets.view, targets.primary, ...targets.others])
  const talk = await talkTo(url, 'serverToClient', tally)
  if (dice.chance(0.1)) await wrongHello(talk, dice)
  else {
    const { text, codes } = brokenFrame('opening', dice)
    talk.sayText(text)
    await talk.closed(...codes, ...otherVersion(text))
  }
}

/** A peer of another version may send a hello of another shape, and gets the version error first. */
function otherVersion(text: string): ErrorCode[] {
  return text.startsWith(`[["hello",${wireVersion},`) ? [] : ['WRONG_WIRE_VERSION']
}

async function wrongHello(talk: Talk, dice: Random): Promise<void> {
  const [messages, code] = dice.pick<[unknown[], ErrorCode]>([
    [[], 'UNEXPECTED_MESSAGE'],
    [[hello(), hello()], 'UNEXPECTED_MESSAGE'],
    [[hello(client, { wire: wireVersion + 1 + dice.below(1_000) })], 'WRONG_WIRE_VERSION'],
    [[hello(client, { cluster: newId() })], 'WRONG_CLUSTER'],
  ])
  talk.say(...messages)
  await talk.closed(code)
}

const probes: Teller = async ({ dice, targets, tally }) => {
  const talk = await talkTo(dice.pick([targets.primary, ...targets.others]), 'serverToClient', tally, {
    kind: 'probe',
  })
  const { text, codes } = dice.chance(0.2)
    ? { text: JSON.stringify([hello()]), codes: ['UNEXPECTED_MESSAGE' as const] }
    : brokenFrame('opening', dice)
  talk.sayText(text)
  await talk.closed(...codes, ...otherVersion(text))
}

// ---- clients

const lives: Teller = async ({ number, dice, targets, tally }) => {
  const talk = await talkTo(targets.primary, 'serverToClient', tally, client)
  const life = new Life(talk, dice, `fuzz/${number}`)
  await life.open()
  for (let steps = 5 + dice.below(25); steps > 0; steps--) await life.step()
  if (dice.chance(0.5)) return await life.end()
  const { text, codes } = brokenFrame('clientToServer', dice)
  talk.sayText(text)
  await talk.closed(...codes)
  await abandon(targets.primary, life.id, tally)
}

/** Locks of a cut connection would stay held until the lease is over. */
async function abandon(url: string, id: string, tally: Tally, key = keyOf(id)): Promise<void> {
  const talk = await talkTo(url, 'serverToClient', tally, client)
  talk.say(['abandon', id, key])
  await talk.echo(1)
  talk.leave()
}

/** After any well-formed frame, the connection stays open, or is closed for the frame's meaning. */
const mayClose: readonly ErrorCode[] = ['OUT_OF_ORDER', 'UNEXPECTED_MESSAGE', 'REPLACED']

const wellFormed: Teller = async ({ dice, targets, tally }) => {
  const talk = await talkTo(targets.primary, 'serverToClient', tally, client)
  const sessions = new Map<string, string>()
  for (let frames = 1 + dice.below(20); frames > 0 && talk.peer.end === null; frames--) {
    const messages = Array.from({ length: dice.below(4) }, () =>
      drawMessage(dice.pick(['clientToServer', 'clientToServer', 'requestRuns']), dice),
    )
    const text = JSON.stringify(messages)
    const verdict = verdictOn(text, 'clientToServer')
    talk.sayText(text)
    for (const [kind, id, key] of messages as [string, string, string][])
      if (kind === 'open') sessions.set(id, key)
    if (verdict[0] !== 'fine') {
      // A message of the frame before the broken one takes no effect, so the verdict stands alone.
      await talk.closed(...(verdict as ErrorCode[]))
      break
    }
    if (!(await goesOn(talk, dice.below(1_000_000)))) break
  }
  talk.leave()
  for (const [id, key] of sessions) await abandon(targets.primary, id, tally, key)
}

/** Whether the connection goes on. A server ignores a client after it has reported its session's end. */
async function goesOn(talk: Talk, number: number): Promise<boolean> {
  talk.say(['echo', number])
  const isSign = ([kind, echoed]: Heard) =>
    kind === 'unknown-session' || (kind === 'echoed' && echoed === number)
  const sign = talk.hear(`echoed ${number}`, isSign)
  const ended = talk.peer.ended().then(() => null)
  const first = await Promise.race([sign.catch(error => error as Error), ended])
  sign.catch(() => undefined)
  if (first instanceof Error && talk.peer.end === null) throw first
  if (talk.peer.end !== null) await talk.closed(...mayClose)
  else talk.count('stays')
  return Array.isArray(first) && first[0] === 'echoed'
}

/** A server that is not primary answers an echo, a look and a newer token, and refuses everything else as not primary. */
const elsewhere: Teller = async ({ dice, targets, tally }) => {
  const talk = await talkTo(dice.pick(targets.others), 'serverToClient', tally, client)
  for (let frames = dice.below(12); frames > 0; frames--) await talk.echo(dice.below(1_000_000))
  const message = drawMessage('clientToServer', dice) as [string]
  const text = JSON.stringify([message])
  const isFine =
    !['echo', 'testify', 'look', 'token'].includes(message[0]) &&
    verdictOn(text, 'clientToServer')[0] === 'fine'
  const last =
    isFine && dice.chance(0.5)
      ? { text, codes: ['NOT_PRIMARY' as const] }
      : brokenFrame('clientToServer', dice)
  talk.sayText(last.text)
  await talk.closed(...last.codes)
}

const askers: Teller = async ({ dice, targets, tally }) => {
  const talk = await talkTo(targets.view, 'viewToClient', tally, client)
  for (let frames = dice.below(12); frames > 0; frames--) {
    const number = dice.below(1_000_000)
    if (dice.chance(0.7)) await talk.echo(number)
    else await answered(talk, dice.chance(0.8) ? ['status', number] : ['reset', number, 0, 0, false])
  }
  const { text, codes } = brokenFrame('clientToView', dice)
  talk.sayText(text)
  await talk.closed(...codes)
}

async function answered(talk: Talk, [kind, number, ...rest]: [string, number, ...unknown[]]): Promise<void> {
  talk.say([kind, number, ...rest])
  await talk.hear(`an answer to ${kind}`, ([answer, to]) => answer.startsWith(kind) && to === number)
  talk.count('answered')
}

// ---- servers

const lockServers: Teller = async ({ number, dice, targets, tally }) => {
  const address = `ws://127.0.0.1:1/${number}`
  const from = idleHello(newId(), address)
  const talk = await talkTo(targets.view, 'viewToServer', tally, from)
  for (let frames = dice.below(12); frames > 0; frames--) {
    talk.say(['ping', idlePing])
    await talk.hear('pong', ([kind]) => kind === 'pong')
    talk.count('answered')
  }
  const { text, codes } = brokenFrame('serverToView', dice)
  talk.sayText(text)
  await talk.closed(...codes)
}

/** Grows, so that each is the newest; one at a time, since a newer primary ends the older's connection. */
let lonelyView = 0
let lastPrimary: Promise<void> = Promise.resolve()

const primaries: Teller = told => {
  const telling = lastPrimary.then(() => primary(told))
  lastPrimary = telling.catch(() => undefined)
  return telling
}

const primary: Teller = async ({ dice, targets, tally }) => {
  const { id, url } = targets.lonely
  const own = { id: newId(), address: 'ws://127.0.0.1:1' }
  const view: View = {
    group: 0,
    number: ++lonelyView,
    primary: own,
    backup: { id, address: url },
    durability: 'memory',
    start: null,
  }
  const talk = await talkTo(url, 'backupToPrimary', tally, { kind: 'primary', id: own.id, to: id, view })
  const { text, codes } = brokenFrame('primaryToBackup', dice)
  talk.sayText(text)
  await talk.closed(...codes)
}

// ---- below the messages

const bytes: Teller = async ({ dice, targets, tally }) => {
  const peer = new RawPeer(dice.pick([targets.view, targets.primary, ...targets.others]))
  await peer.upgrade()
  if (dice.chance(0.5)) {
    peer.write(frame(0x81, JSON.stringify([hello()])))
    await peer.until('welcome')
  }
  const { what, data, close } = drawBytes(dice)
  tally.frames++
  peer.write(data)
  await endOf(peer, `closed with ${close} after ${what}: ${data.toString('hex').slice(0, 200)}`)
  if (peer.close !== close)
    throw new Surprise(
      `${close} was right after ${what}, not ${peer.close}: ${data.toString('hex').slice(0, 400)}`,
    )
  tally.outcomes.set(String(close), (tally.outcomes.get(String(close)) ?? 0) + 1)
}

/** A server that doesn't close a connection within this time keeps it open. */
const endWithinMs = 20_000

async function endOf(peer: RawPeer, what: string): Promise<void> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Surprise(`not ${what}`)), endWithinMs).unref()
  })
  await Promise.race([peer.ended(), late]).finally(() => peer.socket.destroy())
}

const requests: Teller = async ({ dice, targets, tally }) => {
  const kind: Kind = dice.chance(0.5) ? 'lockserver' : 'viewserver'
  const { what, text, statuses } = drawRequest(kind, dice)
  const peer = new RawPeer(
    kind === 'viewserver' ? targets.view : dice.pick([targets.primary, ...targets.others]),
  )
  tally.frames++
  peer.write(Buffer.from(text, 'latin1'))
  const answered = peer.until('\r\n\r\n').catch(() => undefined)
  const late = new Promise(resolve => setTimeout(resolve, endWithinMs).unref())
  await Promise.race([answered, late])
  peer.socket.destroy()
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(peer.text)?.[1] ?? 0)
  if (!statuses.includes(status) && !(status === 0 && !peer.over))
    throw new Surprise(
      `${what}: ${statuses.join(', ')} was right, not ${status}: ${JSON.stringify(text.slice(0, 400))}`,
    )
  if (!statuses.includes(status))
    throw new Surprise(`${what} got no answer in ${endWithinMs} ms: ${JSON.stringify(text.slice(0, 400))}`)
  const outcome = `HTTP ${status}`
  tally.outcomes.set(outcome, (tally.outcomes.get(outcome) ?? 0) + 1)
}

const tellers = {
  strangers,
  probes,
  lives,
  wellFormed,
  elsewhere,
  askers,
  lockServers,
  primaries,
  bytes,
  requests,
}
const weights: Readonly<Record<keyof typeof tellers, number>> = {
  strangers: 6,
  probes: 2,
  lives: 12,
  wellFormed: 10,
  elsewhere: 8,
  askers: 8,
  lockServers: 4,
  primaries: 4,
  bytes: 6,
  requests: 10,
}

export async function tell(told: Case): Promise<void> {
  await tellers[weighted(told.dice, weights)](told)
}

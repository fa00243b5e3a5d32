// Lies: what one server says to another is changed on its way, so that the other hears a peer that speaks the
// protocol and says what is not so. It must find out: it drops its peer, or ends itself, and no client is told
// anything wrong. What the protocol trusts a server to say (that a batch was applied) is never changed.

import type { Message, Ping, View, Welcome } from '../../../wire/messages.ts'
import { HandParty, type LockServerParty } from '../../fixtures/cluster.ts'
import type { Party, Wire } from '../../fixtures/network.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

/** The frame as it arrives; null: this frame is not the one. */
type Tells = (messages: readonly Message[], copy: Message | undefined) => readonly Message[] | null

interface Lie {
  readonly tells: Tells
  /** Who hears it may end itself, since it found that its own state can't be right. */
  readonly mayEnd?: boolean
  /** Only a server without a part in the view hears it. */
  readonly toIdle?: boolean
  /** The view server hears it. */
  readonly toView?: boolean
}

interface Laid {
  readonly what: string
  readonly lie: Lie
}

const laidMax = 4
/** No session has this ordinal. */
const stranger = 999_999
const anyId = 'f'.repeat(32)

/** Changes the first message of this kind. */
function changed(kind: string, change: (message: Message) => readonly Message[] | null): Tells {
  return messages => {
    const at = messages.findIndex(message => message[0] === kind)
    const told = at < 0 ? null : change(messages[at] as Message)
    return told === null ? null : [...messages.slice(0, at), ...told, ...messages.slice(at + 1)]
  }
}

/** The same message, with this field as it is told. */
function field(kind: string, place: number, told: (value: never) => unknown): Tells {
  return changed(kind, message => [
    message.map((value, i) => (i === place ? told(value as never) : value)) as never,
  ])
}

const next = (value: number) => value + 1
const twice = (kind: string) => changed(kind, message => [message, message])
/** More records at the end of a chunk. */
const recorded = (more: (records: readonly Message[]) => readonly Message[]) =>
  field('chunk', 3, (records: readonly Message[]) => [...records, ...more(records)])

/** More entries at the end of a batch that has an operation of some session's request. */
function operated(more: (ordinal: number, request: number) => Message): Tells {
  return changed('replicate', message => {
    const entries = message[5] as readonly Message[]
    const last = entries.findLast(([kind]) => kind === 'acquire' || kind === 'release')
    if (last === undefined) return null
    return [[...message.slice(0, 5), [...entries, more(last[1] as number, last[2] as number)]] as never]
  })
}

function hold(name: string, token: number, ordinal: number): Message {
  return ['hold', name, token, ordinal, 'exclusive', 0]
}

/** A lock whose records don't come together. */
const lockTwice = recorded(records => {
  const session = records.find(([kind]) => kind === 'session')?.[1] as number | undefined
  return session === undefined ? [] : ['lie/1', 'lie/2', 'lie/1'].map((name, i) => hold(name, i + 1, session))
})

const lies: Readonly<Record<string, Lie>> = {
  'a chunk that is not next': { tells: field('chunk', 2, next) },
  'an end of more chunks': { tells: field('whole', 2, next) },
  'a chunk twice': { tells: twice('chunk') },
  'a batch twice': { tells: twice('replicate') },
  'a batch that is not next': { tells: field('replicate', 2, next) },
  'a batch before a copy': {
    tells: changed('copy', ([, view]) => [['replicate', view, 1, 1, 0, []]]),
  },
  'a second copy': {
    tells: (messages, copy) =>
      copy !== undefined && messages[0]?.[0] === 'in-sync' ? [copy, ...messages] : null,
  },
  'in sync before it is': {
    tells: changed('chunk', message => [['in-sync', message[1]], message]),
  },
  'a number of another operation': {
    tells: messages =>
      operated(() => ['renew', 1])(messages, undefined) === null
        ? null
        : field('replicate', 3, next)(messages, undefined),
    mayEnd: true,
  },
  'a request of nobody': { tells: operated(() => ['release', stranger, 1, 1]), mayEnd: true },
  'a request twice': {
    tells: operated((ordinal, request) => ['release', ordinal, request, 1]),
    mayEnd: true,
  },
  'the end of no session': { tells: operated(() => ['expire', [stranger]]), mayEnd: true },
  "a copy of nobody's lock": { tells: recorded(() => [hold('lie', 1, stranger)]), mayEnd: true },
  'a copy that ends no session': { tells: recorded(() => [['ending', stranger, null]]), mayEnd: true },
  'a copy of a lock twice': { tells: lockTwice, mayEnd: true },
  'another server': { tells: field('welcome', 1, (welcome: Welcome) => ({ ...welcome, id: anyId })) },
  'a copy that it was never sent': {
    tells: field('welcome', 1, (welcome: Welcome) => ({ ...welcome, whole: welcome.view?.number ?? 0 })),
  },
  'an older view': { tells: field('applied', 1, (view: number) => Math.max(1, view - 1)) },
  'an answer twice': { tells: twice('applied') },
  'an answer to what was never sent': {
    tells: changed('applied', message => [
      message.map((value, i) => (i === 2 ? (value as number) + stranger : value)) as never,
      message,
    ]),
  },
  'another digest': { tells: field('applied', 4, (digest: number) => (digest ^ 1) >>> 0) },
  'a question to an idle server': {
    tells: changed('pong', message => [message, ['question', stranger]]),
    toIdle: true,
  },
  // It asks again, each tick.
  'not in sync': {
    tells: field('answer', 2, (answer: Ping) => ({ ...answer, inSync: false })),
    toView: true,
  },
  'an answer of another view': {
    tells: field('answer', 2, (answer: Ping) => ({ ...answer, view: answer.view + 1 })),
    toView: true,
  },
}

export class Lies {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  #laid: readonly Laid[] = []
  /** What began the copy that this connection has carried. */
  readonly #copies = new WeakMap<Wire, Message>()
  #liars = 0

  constructor(scene: Scene, damage: Damage, deaths: Deaths) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
    scene.cluster.network.onLie = (from, to, messages, wire) => this.#onFrame(from, to, messages, wire)
  }

  /** It is told as soon as there is something to tell it in. */
  lay(dice: Random): void {
    if (dice.chance(0.2)) return this.#claimsToBePrimary(this.#toBePrimary(dice))
    const what = dice.pick(Object.keys(lies))
    this.#laid = [...this.#laid.slice(1 - laidMax), { what, lie: lies[what] as Lie }]
  }

  heal(): void {
    this.#laid = []
  }

  #onFrame(from: Party, to: Party, messages: readonly Message[], wire: Wire): readonly Message[] {
    const copy = messages.find(([kind]) => kind === 'copy')
    if (copy !== undefined) this.#copies.set(wire, copy)
    for (const laid of this.#laid) {
      const told = this.#tell(laid, from, to, messages, wire)
      if (told !== null) return told
    }
    return messages
  }

  #tell(
    laid: Laid,
    from: Party,
    to: Party,
    messages: readonly Message[],
    wire: Wire,
  ): readonly Message[] | null {
    const { lie } = laid
    if (from.kind !== 'lockserver' && lie.toIdle !== true) return null
    if (from.kind === 'client' || to.kind !== (lie.toView === true ? 'viewserver' : 'lockserver')) return null
    if (lie.toView === true) return this.#tellView(laid, from as LockServerParty, messages)
    const server = to as LockServerParty
    return this.#scene.cluster.withinOf(server, () => this.#tellServer(laid, from, server, messages, wire))
  }

  #tellServer(
    laid: Laid,
    from: Party,
    server: LockServerParty,
    messages: readonly Message[],
    wire: Wire,
  ): readonly Message[] | null {
    const { what, lie } = laid
    if (lie.toIdle === true && server.core.role !== 'idle') return null
    const told = lie.tells(messages, this.#copies.get(wire))
    if (told === null || (lie.mayEnd === true && !this.#mayLose(server))) return null
    this.#laid = this.#laid.filter(other => other !== laid)
    this.#scene.tell(() => `${server.name} hears from ${from.name}: ${what}`)
    this.#doubt(from as LockServerParty, server, lie.mayEnd === true)
    return told
  }

  #tellView(laid: Laid, from: LockServerParty, messages: readonly Message[]): readonly Message[] | null {
    const told = laid.lie.tells(messages, undefined)
    if (told === null) return null
    this.#laid = this.#laid.filter(other => other !== laid)
    this.#scene.tell(() => `VS hears from ${from.name}: ${laid.what}`)
    this.#scene.referee.touch(from, this.#scene.now + 1_000)
    this.#damage.doubt(from, 500, `${from.name} has answered again`, () => {})
    return told
  }

  /** The state outlives it. */
  #mayLose(server: LockServerParty): boolean {
    return server.alive && server !== this.#scene.pair.primary && this.#deaths.mayDie(server)
  }

  #doubt(from: LockServerParty, to: LockServerParty, mayEnd: boolean): void {
    const { referee, now } = this.#scene
    for (const server of [from, to]) referee.touch(server, now + 1_000)
    referee.partsIn(this.#scene.cluster.group, this.#scene.viewNumber)
    if (mayEnd) {
      referee.deceived.add(to.id)
      referee.corrupt(to.id)
      this.#damage.doubt(to, 1_000, `${to.name} has found out, or has ended`, () => {})
    }
  }

  #toBePrimary(dice: Random): LockServerParty | undefined {
    return dice.chance(0.5) ? this.#scene.pair.backup : this.#scene.idleServer(dice)
  }

  /** R2, V5: a peer that has the secret tells a server of a newer view, in which it has another part. */
  #claimsToBePrimary(server: LockServerParty | undefined): void {
    const { cluster } = this.#scene
    const { view } = cluster
    if (view === null || server === undefined || !this.#mayLose(server)) return
    const { core, address, id } = server
    if (core.view?.number !== view.number) return
    // A backup that is in sync would believe it; and whom it told of the view would give its role up.
    if (core.role === 'backup' && core.pingNow.inSync) return
    const newer: View = {
      group: view.group,
      number: view.number + 1,
      primary: { id, address },
      backup: null,
      durability: 'memory',
      start: null,
    }
    this.#scene.tell(() => `${server.name} hears that it is primary`)
    this.#doubt(server, server, true)
    const hand = new HandParty(cluster, `liar ${++this.#liars}`)
    hand.dial(address, { kind: 'primary', id: anyId, to: id, view: newer }, core.cluster)
    cluster.network.after(2_000, () => hand.kill())
  }
}

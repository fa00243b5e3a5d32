// C3, C4 and C5 on the simulated cluster: times run by the servers' clocks, through failovers, copies of the state
// and late acknowledgements, never shorter than was promised.

import t from 'tap'
import { noTerms } from '../wire/claim.ts'
import type { LockEvent, Message, Terms } from '../wire/messages.ts'
import { Cluster, HandParty } from './fixtures/cluster.ts'
import { openOf } from './fixtures/said.ts'
import { textOf } from './fixtures/state-story.ts'

/** A tick, a slot of the deadlines, and what clocks and delays take. */
const late = 400

class Story {
  readonly cluster: Cluster
  readonly #hand: HandParty

  constructor(servers = 3) {
    this.cluster = new Cluster({ servers })
    this.cluster.ready(servers > 1)
    this.#hand = new HandParty(this.cluster, 'hand').dial(this.cluster.primary.address)
    this.#hand.say(openOf('e'.repeat(32), 1, 60_000, 'hand'))
    this.#hand.hears('opened')
  }

  acquire(request: number, name: string, terms: Partial<Terms>): number {
    const before = this.time
    this.#hand.say(['acquire', request, [name], 'exclusive', 'wait', { ...noTerms, ...terms }])
    this.cluster.until(
      () => this.#hand.heard.some(([kind, r]) => kind === 'granted' && r === request),
      'grant',
    )
    return before
  }

  say(...messages: Message[]): void {
    this.#hand.say(...messages)
    this.cluster.run(20)
  }

  sayOnly(message: Message): void {
    this.#hand.say(message)
  }

  heardEvents(): LockEvent[] {
    return this.#hand.heard.flatMap(message => (message[0] === 'event' ? [message[2] as LockEvent] : []))
  }

  hears(kind: string): Message {
    return this.#hand.hears(kind)
  }

  token(name: string): number {
    return this.state.table.locks.get(name)?.holder?.token ?? 0
  }

  get time(): number {
    return this.cluster.network.time
  }

  get state() {
    const { state } = this.cluster.primary.core
    if (state === null) throw new Error('the primary has no state')
    return state
  }

  isFree(name: string): boolean {
    return this.state.table.locks.get(name) === undefined
  }

  /** When this is so for the first time. */
  when(condition: () => boolean): number {
    this.cluster.until(condition, 'the end of a time', 60_000)
    return this.time
  }

  failOver(): number {
    const { id } = this.cluster.primary
    this.cluster.primary.kill()
    this.cluster.until(() => this.cluster.view?.primary.id !== id, 'a promotion')
    this.cluster.healed()
    return this.time
  }

  /** The lone server gets a backup, which copies its state and takes over. */
  copyOver(): void {
    const first = this.cluster.primary
    const second = this.cluster.addServer('S2')
    this.cluster.healed()
    this.cluster.run(200)
    if (first.core.state === null || second.core.state === null) throw new Error('a state is missing')
    if (textOf(first.core.state) !== textOf(second.core.state)) throw new Error('the copy differs')
    first.kill()
    this.cluster.until(() => this.cluster.view?.primary.id === second.id, 'a promotion')
  }
}

t.test('C3: a released hold is free once its time since the grant is over, and not before', async t => {
  const story = new Story()
  const granted = story.acquire(1, 'x', { holdAtLeastMs: 5_000 })
  story.say(['release', 2, story.token('x')])
  const free = story.when(() => story.isFree('x'))
  t.ok(free - granted >= 5_000 && free - granted <= 5_000 + late, `${Math.round(free - granted)} ms`)
})

t.test('C3: a living holder has it on, and its release after the time frees it at once', async t => {
  const story = new Story()
  story.acquire(1, 'x', { holdAtLeastMs: 2_000 })
  story.cluster.run(3_000)
  t.notOk(story.isFree('x'))
  story.say(['release', 2, story.token('x')])
  t.ok(story.isFree('x'))
})

t.test('C3: at a promotion what remains goes on, neither shorter nor from the beginning', async t => {
  for (const release of [true, false]) {
    const story = new Story()
    const granted = story.acquire(1, 'x', { holdAtLeastMs: 8_000 })
    if (release) story.say(['release', 2, story.token('x')])
    else story.say(['end', 2])
    story.cluster.run(3_000)
    story.failOver()
    t.equal(story.state.table.kept, 1)
    const free = story.when(() => story.isFree('x'))
    t.ok(free - granted >= 8_000 && free - granted <= 8_000 + late, `${Math.round(free - granted)} ms`)
  }
})

t.test('C3: what remains travels with a copy of the state', async t => {
  const story = new Story(1)
  const granted = story.acquire(1, 'x', { holdAtLeastMs: 9_000 })
  story.acquire(2, 'y', { holdAtLeastMs: 9_000, note: 'alive' })
  story.say(['release', 3, story.token('x')])
  story.cluster.run(3_000)
  story.copyOver()
  const free = story.when(() => story.isFree('x'))
  t.ok(free - granted >= 9_000 && free - granted <= 9_000 + late, `${Math.round(free - granted)} ms`)
  story.cluster.run(500)
  t.equal(story.state.table.locks.get('y')?.holder?.special?.lasting, false, 'a living one need not last on')
})

t.test(
  'C4: a hold ends when its whole time since the acknowledgement is over, and its client learns why',
  async t => {
    const story = new Story()
    story.acquire(1, 'x', { holdAtMostMs: 3_000 })
    const token = story.token('x')
    story.cluster.run(2_000)
    const told = story.time
    story.say(['acknowledge', [1, 1], []])
    const free = story.when(() => story.isFree('x'))
    t.ok(free - told >= 3_000 && free - told <= 3_000 + late, `${Math.round(free - told)} ms`)
    t.match(story.hears('lost'), ['lost', token, 'HELD_TOO_LONG'])
  },
)

t.test('C4: before its client has acknowledged the grant no time counts', async t => {
  const story = new Story()
  story.acquire(1, 'x', { holdAtMostMs: 1_000 })
  story.cluster.run(10_000)
  t.notOk(story.isFree('x'))
})

t.test('C4: after a promotion the whole time counts again', async t => {
  const story = new Story()
  story.acquire(1, 'x', { holdAtMostMs: 4_000 })
  story.say(['acknowledge', [1, 1], []])
  story.cluster.run(2_500)
  const died = story.time
  story.failOver()
  const free = story.when(() => story.isFree('x'))
  t.ok(free - died >= 4_000, `${Math.round(free - died)} ms after the death of the primary`)
  t.ok(free - died <= 4_000 + 3_000)
})

t.test('C4: a copy knows whether the time counts, and after which acknowledgement it will', async t => {
  const story = new Story(1)
  story.acquire(1, 'told', { holdAtMostMs: 3_000 })
  story.acquire(2, 'untold', { holdAtMostMs: 3_000 })
  story.say(['acknowledge', [1, 1], []])
  const second = story.cluster.addServer('S2')
  story.cluster.healed()
  story.say(['acknowledge', [2, 2], []])
  const acknowledged = story.time
  story.cluster.run(100)
  story.cluster.primary.kill()
  story.cluster.until(() => story.cluster.view?.primary.id === second.id, 'a promotion')
  story.when(() => story.isFree('told'))
  const free = story.when(() => story.isFree('untold'))
  t.ok(free - acknowledged >= 3_000, `${Math.round(free - acknowledged)} ms`)
})

t.test('C5: a key is forgotten when its time since the end of its hold is over', async t => {
  const story = new Story()
  story.acquire(1, 'x', { once: { key: 'k', keepMs: 4_000 } })
  story.cluster.run(6_000)
  t.equal(story.state.table.onces.size, 1, 'never while it is held')
  const ended = story.time
  story.say(['release', 2, story.token('x')])
  const forgotten = story.when(() => story.state.table.onces.size === 0)
  t.ok(forgotten - ended >= 4_000 && forgotten - ended <= 4_000 + late, `${Math.round(forgotten - ended)} ms`)
})

t.test('C5: at a promotion, and in a copy, what remains of a key goes on', async t => {
  for (const servers of [1, 3]) {
    const story = new Story(servers)
    story.acquire(1, 'x', { once: { key: 'k', keepMs: 9_000 } })
    const ended = story.time
    story.say(['release', 2, story.token('x')])
    story.acquire(3, 'y', { once: { key: 'k', keepMs: 1_000 } })
    story.cluster.run(3_000)
    if (servers === 1) story.copyOver()
    else story.failOver()
    t.equal(story.state.table.onces.size, 2)
    const forgotten = story.when(() => story.state.table.onces.size === 1)
    t.ok(
      forgotten - ended >= 9_000 && forgotten - ended <= 9_000 + late,
      `${Math.round(forgotten - ended)} ms`,
    )
    t.ok(story.state.table.onces.get('y', 'k')?.running)
  }
})

t.test('C3, C5: the time of a key begins when its lock is free, not when its holder is gone', async t => {
  const story = new Story()
  const granted = story.acquire(1, 'x', { holdAtLeastMs: 3_000, once: { key: 'k', keepMs: 2_000 } })
  story.say(['release', 2, story.token('x')])
  const forgotten = story.when(() => story.state.table.onces.size === 0)
  t.ok(forgotten - granted >= 5_000 && forgotten - granted <= 5_000 + 2 * late)
})

t.test('C3, C6: lists and events say for how much longer a hold is kept, for no client', async t => {
  const story = new Story()
  story.say(['watch', 7, ''])
  story.acquire(1, 'x', { holdAtLeastMs: 5_000, holdAtMostMs: 9_000, note: 'nightly' })
  story.cluster.run(1_000)
  story.say(['release', 2, story.token('x')], ['query', 8, '', true])
  const [, , , held] = story.hears('locks') as [string, number, object, { terms: { keptMs: number } }[]]
  t.match(held, [{ name: 'x', clientId: null, clientName: null, terms: { note: 'nightly', endsMs: null } }])
  const keptMs = held[0]?.terms.keptMs ?? 0
  t.ok(keptMs > 3_500 && keptMs <= 4_000, `${keptMs} ms`)
  const events = story.heardEvents()
  t.match(events, [
    { event: 'granted', terms: { keptMs: 5_000, endsMs: 9_000, note: 'nightly' } },
    { event: 'kept', clientName: 'hand', terms: { endsMs: null } },
  ])
  t.ok((events[1]?.terms?.keptMs ?? 0) <= 4_000)
})

t.test('C3, B2: very many times that end together end in shares, one a turn', async t => {
  const story = new Story()
  for (let i = 0; i < 1_500; i++)
    story.sayOnly(['acquire', i + 1, [`l/${i}`], 'exclusive', 'wait', { ...noTerms, holdAtLeastMs: 3_000 }])
  story.cluster.run(500)
  story.sayOnly(['end', 1_501])
  story.cluster.run(500)
  t.equal(story.state.table.kept, 1_500)
  story.when(() => story.state.table.kept === 0)
  t.equal(story.state.table.locks.size, 0)
  t.equal(story.cluster.problem(), undefined)
})

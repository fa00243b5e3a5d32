// Nearest reads, at the client: whom it asks, in which order, and what it says while nobody answers; and with real servers.

import t from 'tap'
import { connect, LockClient } from '../client/index.ts'
import type { ClientHears } from '../client/session/effects.ts'
import { NearestCore, type NearestEffect, type NearestInput } from '../client/session/nearest.ts'
import { startCluster } from '../testing/index.ts'
import { saidOn } from '../wire/effects.ts'
import type { HoldRecord, Message, View } from '../wire/messages.ts'
import { firstMap } from '../wire/slots.ts'
import { wireVersion } from '../wire/version.ts'
import { a, b, cluster, seed, server, view } from './fixtures/client-story.ts'
import { Cluster } from './fixtures/cluster.ts'
import { holdfast } from './fixtures/command.ts'
import { until } from './fixtures/deadline.ts'
import { Machine, sameClocks } from './fixtures/machine.ts'

type Effect<D extends NearestEffect['do']> = Extract<NearestEffect, { do: D }>
const quietMs = 1_000

const hold: HoldRecord = {
  ...{ name: 'x', mode: 'exclusive', token: 7, clientId: null, clientName: null },
  ...{ host: null, pid: null, heldMs: 5, terms: null },
}
const part = { more: false, cut: false, asOfMs: 12, onDisk: null }

/** A core with servers that are played by hand. */
class Story {
  readonly core = new NearestCore({ addresses: [seed], group: 0, name: 'story', quietMs })
  ms = 1_000
  #effects: NearestEffect[] = []
  #calls = 0

  step(input: NearestInput): NearestEffect[] {
    const effects = this.core.step(input, { monotonic: this.ms, wall: this.ms })
    this.#effects.push(...effects)
    return effects
  }

  look(known: View | null, prefix = ''): number {
    this.step({ is: 'look', call: ++this.#calls, prefix, view: known, cluster })
    return this.#calls
  }

  /** What the core has done since the last look at it. */
  seen<D extends NearestEffect['do']>(kind: D): Effect<D>[] {
    const isOf = (effect: NearestEffect): effect is Effect<D> => effect.do === kind
    const found = this.#effects.filter(isOf)
    this.#effects = this.#effects.filter(effect => effect.do !== kind)
    return found
  }

  /** The connection that it dials now, to this address. */
  dialled(address: string): number {
    const [dial] = this.seen('dial')
    t.equal(dial?.address, address)
    return dial?.connection ?? 0
  }

  says(connection: number, ...messages: Message[]): NearestEffect[] {
    return this.step({ is: 'messages', connection, messages: saidOn<ClientHears>(messages), chance: 0.5 })
  }

  welcomes(
    connection: number,
    letter: string,
    role: 'primary' | 'backup' | 'idle',
    known: View | null,
  ): void {
    this.says(connection, welcomeOf(server(letter).id, 'lockserver', role, known))
  }

  pass(ms: number): void {
    const end = this.ms + ms
    for (;;) {
      const { wakeAt } = this.core
      if (wakeAt === null || wakeAt > end) break
      this.ms = Math.max(this.ms, wakeAt)
      this.step({ is: 'wake', chance: 0.5 })
    }
    this.ms = end
  }

  get asked(): Message[] {
    return this.seen('send').map(({ message }) => message)
  }
}

function welcomeOf(
  id: string | null,
  kind: 'lockserver' | 'viewserver',
  role: 'primary' | 'backup' | 'idle' | null,
  known: View | null,
): Message {
  const acked = { acked: false, others: [], map: null, pingLimitMs: 500, whole: 0, sequence: 0, mark: 0 }
  return ['welcome', { wire: wireVersion, cluster, kind, id, role, view: known, ...acked }]
}

t.test('G7: it asks the backup, and no other server', async t => {
  const story = new Story()
  const call = story.look(view(2, 'a', 'b'), 'p/')
  const connection = story.dialled(b)
  t.same(story.asked, [], 'not before its welcome')
  story.welcomes(connection, 'b', 'backup', view(2, 'a', 'b'))
  t.same(story.asked, [['look', 1, 'p/']])
  story.says(connection, ['looked', 1, { ...part, more: true }, [hold], []])
  t.same(story.seen('settle'), [])
  story.says(connection, ['looked', 1, part, [{ ...hold, token: 8 }], []])
  const [settled] = story.seen('settle')
  t.equal(settled?.call, call)
  t.match(settled?.answer, { held: [{ token: 7 }, { token: 8 }], pending: [], cut: false, asOfMs: 12 })
  t.same(story.seen('dial'), [])
  story.look(null)
  t.same(story.asked, [['look', 2, '']], 'the next one at once, on the same connection')
})

t.test('G7: a backup without a whole copy, or that can not be reached, is passed over', async t => {
  const story = new Story()
  story.look(view(2, 'a', 'b'))
  const first = story.dialled(b)
  story.welcomes(first, 'b', 'backup', view(2, 'a', 'b'))
  story.says(first, ['query-refused', 1, 'NO_COPY', 'has no whole copy'])
  t.match(story.seen('close'), [{ connection: first }])
  const second = story.dialled(a)
  story.step({ is: 'closed', connection: second, refused: true, chance: 0.5 })
  const third = story.dialled(seed)
  story.says(third, welcomeOf(null, 'viewserver', null, view(3, 'b', 'd')))
  const fourth = story.dialled(server('d').address)
  story.welcomes(fourth, 'd', 'backup', view(3, 'b', 'd'))
  t.match(story.asked.at(-1), ['look', 2, ''])
})

t.test('G7, G8: what its server says of the map it hands on before the answer', async t => {
  const story = new Story()
  story.look(view(2, 'a', 'b'))
  const connection = story.dialled(b)
  story.welcomes(connection, 'b', 'backup', view(2, 'a', 'b'))
  const map = { ...firstMap(4), number: 7 }
  const effects = story.says(connection, ['map', map], ['looked', 1, part, [hold], []])
  t.same(
    effects.map(effect => effect.do),
    ['map', 'settle'],
  )
  t.same(story.seen('map').at(-1)?.map, map)
})

t.test('G7: half an answer is thrown away when its connection ends', async t => {
  const story = new Story()
  story.look(view(2, 'a', 'b'))
  const first = story.dialled(b)
  story.welcomes(first, 'b', 'backup', view(2, 'a', 'b'))
  story.says(first, ['looked', 1, { ...part, more: true }, [hold], []])
  story.step({ is: 'closed', connection: first, refused: false, chance: 0.5 })
  const second = story.dialled(a)
  story.welcomes(second, 'a', 'primary', view(2, 'a', 'b'))
  story.says(second, ['looked', 2, part, [hold], []])
  t.equal(story.seen('settle')[0]?.answer.held.length, 1)
})

t.test('G7: a server that does not answer is asked for a sign of life, then given up', async t => {
  const story = new Story()
  story.look(view(2, 'a', 'b'))
  const first = story.dialled(b)
  story.welcomes(first, 'b', 'backup', view(2, 'a', 'b'))
  story.pass(quietMs)
  t.same(story.asked, [
    ['look', 1, ''],
    ['echo', 0],
  ])
  story.says(first, ['echoed', 0])
  story.pass(quietMs)
  t.same(story.asked, [['echo', 0]], 'it lives, and is only slow')
  story.pass(quietMs)
  t.match(story.seen('close'), [{ connection: first }])
  story.dialled(a)
})

t.test('G7: a server that has no part in the newest view is not asked', async t => {
  const story = new Story()
  story.look(view(2, 'a', 'b'))
  const first = story.dialled(b)
  story.welcomes(first, 'b', 'backup', view(2, 'a', 'b'))
  story.look(view(4, 'a', 'd'))
  t.match(story.seen('close'), [{ connection: first }])
  const second = story.dialled(server('d').address)
  story.welcomes(second, 'd', 'backup', view(4, 'a', 'd'))
  t.equal(story.asked.filter(([kind]) => kind === 'look').length, 3, 'both are asked there')
})

t.test('G7: while there is none it goes round with pauses, and a time limit says what is wrong', async t => {
  const story = new Story()
  const call = story.look(view(2, 'a'))
  for (const address of [a, seed]) {
    const connection = story.dialled(address)
    story.step({ is: 'closed', connection, refused: true, chance: 0.5 })
  }
  t.same(story.seen('dial'), [], 'a pause')
  story.pass(100)
  story.dialled(a)
  story.step({ is: 'abort', call })
  const [failed] = story.seen('fail')
  t.match(failed, { call, code: 'TIMEOUT', text: /no server with a copy .*refuses connections/ })
})

t.test('G7: its connection is closed when it is not used, and with the client', async t => {
  const story = new Story()
  story.look(view(2, 'a', 'b'))
  const first = story.dialled(b)
  story.welcomes(first, 'b', 'backup', view(2, 'a', 'b'))
  story.says(first, ['looked', 1, part, [], []])
  story.pass(9_000)
  t.same(story.seen('close'), [])
  story.pass(2_000)
  t.match(story.seen('close'), [{ connection: first }])
  t.equal(story.core.wakeAt, null)
  const call = story.look(null)
  const second = story.dialled(b)
  story.step({ is: 'end' })
  t.match(story.seen('close'), [{ connection: second }])
  t.match(story.seen('fail'), [{ call, code: 'CLOSED' }])
})

/** A machine of a program that uses the client. */
class Reader extends Machine {
  readonly kind = 'client'
  readonly address = null

  constructor(cluster: Cluster) {
    super(cluster.network, 'reader', sameClocks, cluster.lotsOf('client'))
    this.network.join(this)
  }

  accept(): void {
    throw new Error('a client listens nowhere')
  }
}

t.test('G7, C7: who leads is asked of the primary, and of no copy', async t => {
  const simulated = new Cluster()
  simulated.ready()
  const reader = new Reader(simulated)
  const said = new Set<string>()
  simulated.network.onFrame = (from, _to, messages) => {
    if (from === reader) for (const [kind] of messages) said.add(kind)
    return 'pass'
  }
  /** Time passes until it settles. */
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false
    const done = promise.finally(() => {
      over = true
    })
    for (let i = 0; i < 1_000 && !over; i++) {
      simulated.run(5)
      await new Promise(setImmediate)
    }
    return await done
  }
  const locks = await settled(LockClient.connect(simulated.viewAddresses, {}, reader))
  const leader = locks.leader('x')
  t.equal((await settled(leader.next())).value, null)
  t.ok(said.has('query') && !said.has('look'), [...said].join())
  await settled(locks.query({ from: 'nearest' }))
  t.ok(said.has('look'), 'which it would have been seen to do')
  await settled(locks.close())
})

t.test('G7: query from the nearest copy, with real servers, also while there is no primary', async t => {
  await using servers = await startCluster()
  await using locks = await connect(servers.url)
  await locks.acquire('orders/1')
  await locks.acquire('other')
  const ask = () => locks.query({ from: 'nearest', prefix: 'orders/' })
  await until('the backup has it', async () => (await ask()).held.length === 1)
  const snapshot = await ask()
  t.match(snapshot, { confirmed: false, cut: false, onDisk: null, held: [{ name: 'orders/1' }], pending: [] })
  t.ok(snapshot.asOfMs < 5_000)
  await servers.killPrimary()
  t.match(await ask(), { held: [{ name: 'orders/1' }] })
  const listed = await holdfast(t, ['locks', 'orders/', '--nearest', '--view', servers.url])
  t.match(listed.stdout, /^unconfirmed: a copy at ws:\S+, up to [\d.]+ m?s old\nNAME.*\norders\/1 /)
  const json = await holdfast(t, ['locks', '--nearest', '--json', '--view', servers.url])
  t.match(JSON.parse(json.stdout), { confirmed: false, asOfMs: Number, onDisk: null, server: /^ws:/ })
  await t.rejects(() => locks.query({ from: 'nearest', confirmed: true }), {
    name: 'TypeError',
    message: /confirmed does not go together with from: nearest/,
  })
  const wrong = { from: 'far' } as unknown as { from: 'nearest' }
  await t.rejects(() => locks.query(wrong), /from must be primary or nearest, not "far"/)
  const controller = new AbortController()
  const given = locks.query({ from: 'nearest', signal: controller.signal })
  controller.abort(new Error('the program gives it up'))
  await t.rejects(given, { message: 'the program gives it up' })
  await locks.close()
  await t.rejects(ask(), { name: 'LockError', code: 'CLOSED' })
})

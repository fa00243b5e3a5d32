// A client whose locks' slots move to other groups (G8): calls wait and ask again, several names are parted anew, watches
// follow the groups, and what a group has no more of is left. With maps by hand; on a simulated cluster where servers matter.

import t from 'tap'
import { LockError } from '../client/errors.ts'
import { firstSession } from '../client/first-session.ts'
import type { ClientGroup } from '../client/group.ts'
import { ClientGroups, type Part } from '../client/groups.ts'
import { Lock } from '../client/lock.ts'
import { fromAll } from '../client/merged.ts'
import { checkConnect, type Limits } from '../client/options.ts'
import { Reports } from '../client/reports.ts'
import { type Taker, takeInOrder } from '../client/take-in-order.ts'
import { LockWatch } from '../client/watch.ts'
import { claimOf } from '../wire/claim.ts'
import type { SlotMap, View } from '../wire/messages.ts'
import { firstMap } from '../wire/slots.ts'
import { Groups, GroupsProgram } from './fixtures/groups-story.ts'

const claim = claimOf('exclusive', 'wait')

/** As the cluster has it; both groups the other way round; and all in one. */
const real = (number: number): SlotMap => ({ ...firstMap(2), number })
const swapped = (number: number): SlotMap => ({
  ...firstMap(2),
  number,
  starts: [
    [0, 1],
    [2_048, 0],
  ],
})
const single = (number: number): SlotMap => ({ ...firstMap(1), number })

class Client {
  readonly made = new Groups()
  readonly groups: ClientGroups
  readonly #program: GroupsProgram
  #calls = { last: 0 }
  /** Views that events were about. */
  readonly told: View[] = []

  private constructor() {
    this.#program = new GroupsProgram(this.made.cluster, 'program')
    this.groups = this.unconnected()
  }

  /** Another one, which knows nothing yet. */
  unconnected(): ClientGroups {
    const checked = checkConnect(this.#program, this.made.cluster.viewAddresses, {})
    const reports = new Reports(this.#program, 'program')
    reports.listeners.add('view', view => void this.told.push(view), {})
    return new ClientGroups(checked, this.#program, reports, this.#calls)
  }

  static async connect(): Promise<Client> {
    const client = new Client()
    const checked = checkConnect(client.#program, client.made.cluster.viewAddresses, {})
    await client.made.settled(firstSession(client.groups.first, client.#program, checked, () => {}))
    return client
  }

  acquire(name: string, limits: Limits = {}): Promise<unknown> {
    return this.acquireIn(this.groups.of(name), name, limits)
  }

  acquireIn(group: ClientGroup, name: string, limits: Limits = {}): Promise<unknown> {
    const call = { call: ++this.#calls.last, verb: 'acquire', names: [name], claim } as const
    return group.ask(group.session(), call, [name], limits)
  }
}

// ---- one name

t.test('G8: while no group serves the slot of a lock, its call waits, and then is granted', async t => {
  const client = await Client.connect()
  const { made, groups } = client
  const name = made.name(0)
  groups.learnMap(swapped(90))
  const asked = client.acquire(name)
  await made.pass(800)
  t.same([made.held(0), made.held(1)], [0, 0], 'group 1 refuses it, again and again')
  groups.learnMap(real(91))
  t.match(await made.settled(asked), { name })
  t.same([made.held(0), made.held(1)], [1, 0])
  await made.settled(groups.close())
})

t.test(
  'G8: time limit, signal and close count while a call waits for a slot, and the reason says so',
  async t => {
    const client = await Client.connect()
    const { made, groups } = client
    const name = made.name(0)
    groups.learnMap(swapped(90))
    const before = made.cluster.network.now().monotonic
    const late = client.acquire(name, { timeout: 400 }).catch(error => error)
    const error = await made.settled(late)
    t.match(error, {
      code: 'TIMEOUT',
      definite: true,
      message: /within 400 ms: its slot is moving to another group/,
    })
    const took = made.cluster.network.now().monotonic - before
    t.ok(took >= 400 && took < 1_000, `${took} ms`)
    const controller = new AbortController()
    const aborted = client.acquire(name, { signal: controller.signal }).catch(error => error)
    await made.pass(100)
    controller.abort('enough')
    t.equal(await made.settled(aborted), 'enough')
    const open = client.acquire(name).catch(error => error)
    await made.pass(300)
    await made.settled(groups.close())
    t.match(await made.settled(open), { code: 'CLOSED', definite: true })
    groups.learnMap(real(91))
    await made.pass(500)
    t.same([made.held(0), made.held(1)], [0, 0], 'nothing is asked for any more')
  },
)

// ---- groups that come and go

t.test(
  'G8: a group without locks is left: its session ends there, and its calls are asked elsewhere',
  async t => {
    const client = await Client.connect()
    const { made, groups } = client
    const [here, there] = [made.name(0), made.name(1)]
    t.match(await made.settled(client.acquire(there)), { name: there })
    const left = groups.of(there)
    const lost: string[] = []
    const [lock] = groups.opened().flatMap(group => group.held())
    lock?.signal.addEventListener('abort', () => lost.push(lock.name))
    const query = { call: 900, verb: 'query', prefix: '', confirmed: true } as const
    const asked = left.ask(left.session(), query, [], {})
    const waits = client.acquireIn(left, there)
    groups.learnMap(single(90))
    t.same(lost, [there], 'what is held there was taken away before the slot moved')
    t.match(await made.settled(asked), { held: [], pending: [], confirmed: true }, 'nothing is there')
    await made.pass(500)
    t.same([made.sessions(0), made.sessions(1)], [1, 0])
    t.same(
      groups.views.map(({ group }) => group),
      [0],
    )
    t.match(await made.settled(client.acquire(here)), { name: here }, 'the others go on')
    groups.learnMap(real(91))
    t.match(await made.settled(waits), { name: there }, 'it waited until a group served its slot')
    t.same([made.sessions(0), made.sessions(1)], [1, 1])
    const late = { call: 901, verb: 'clients', who: '', confirmed: true, after: 0 } as const
    t.match(await made.settled(left.ask(left.session(), late, [], {})), { clients: [], next: null })
    t.match(await made.settled(left.look({ ...query, call: 902 }, {})), { held: [], confirmed: false })
    await made.settled(groups.close())
    await made.pass(100)
    t.same([made.sessions(0), made.sessions(1)], [0, 0])
  },
)

t.test('G8: views of a group are told while it is one of the groups, and of none that has ended', async t => {
  const client = await Client.connect()
  const { made, groups, told } = client
  const of = (number: number) => ({ ...(made.view(1) as View), number })
  groups.learnMap(single(90))
  told.length = 0
  t.notOk(groups.learnView(of(8), 0), 'it is to come')
  t.same(
    groups.views.map(({ group }) => group),
    [0],
  )
  groups.learnMap(real(91))
  t.match(told, [{ group: 1, number: 8 }], 'and here it is')
  groups.learnMap({ ...single(92), ended: [[1, 9]] })
  t.notOk(groups.learnView(of(9), 0), 'its last one, from a server that has not heard')
  groups.learnMap({ ...real(93), ended: [[1, 9]] })
  t.ok(groups.learnView(of(10), 0))
  t.equal(told.length, 1)
  await made.settled(groups.close())
})

t.test('G8: a watch follows the groups, and begins again when one comes or goes', async t => {
  const client = await Client.connect()
  const { made, groups } = client
  groups.learnMap(single(90))
  let ended = 0
  const parts = groups.newWatch(
    '',
    () => groups.all(),
    () => ended++,
  )
  parts.begin()
  const { watch } = parts
  const next = async () => (await made.settled(watch.next())).value
  t.match(await next(), { event: 'watching' })
  t.equal(made.sessions(1), 0)
  groups.learnMap(real(91))
  t.match(await next(), { event: 'watching' }, 'in the group that has come')
  const lock = (await made.settled(client.acquire(made.name(1)))) as Lock
  t.match(await next(), { event: 'granted', name: made.name(1) })
  await made.settled(lock.release())
  t.match(await next(), { event: 'released' })
  groups.learnMap(single(92))
  t.match(await next(), { event: 'watching' }, 'what the other one had still to tell is in the state')
  groups.learnMap(real(93))
  t.match(await next(), { event: 'watching' })
  await made.settled(watch.return())
  t.equal(ended, 1)
  groups.learnMap(single(94))
  await made.settled(groups.close())
})

t.test('a part that goes before it has begun keeps the others from nothing', async t => {
  const watch = new LockWatch(
    () => {},
    () => {},
    '',
    [0, 1],
  )
  watch.push({ event: 'watching' }, 0)
  watch.leaves(1)
  t.same((await watch.next()).value, { event: 'watching' })
  t.equal(watch.toJSON().unread, 0)
})

t.test('G8: a list asks groups that came while it was asked for, too', async t => {
  const [a, b] = [{ number: 0 }, { number: 1 }] as ClientGroup[] as [ClientGroup, ClientGroup]
  let all = [a]
  const { answers } = await fromAll(
    () => all,
    async group => {
      all = [a, b]
      return group.number
    },
  )
  t.same(answers, [0, 1])
})

t.test('G7, G8: a nearest read asks also the groups that it hears of by asking', async t => {
  const client = await Client.connect()
  const { made, groups } = client
  const name = made.name(1)
  await made.settled(client.acquire(name))
  const other = client.unconnected()
  t.equal(other.all().length, 1, 'it has heard of no map')
  const query = { call: 900, verb: 'query', prefix: '', confirmed: false } as const
  const { answers } = await made.settled(
    fromAll(
      () => other.all(),
      group => group.look(query, {}),
    ),
  )
  t.same(
    answers.flatMap(({ held }) => held.map(hold => hold.name)),
    [name],
  )
  await made.settled(other.close())
  await made.settled(groups.close())
})

t.test('G8: calls, lists and a watch go on while groups come and go', async t => {
  const made = new Groups(2, 7)
  const locks = await made.connect()
  const names = Array.from({ length: 12 }, (_, i) => `lock/${i}`)
  const last = new Map<string, number>()
  const took = ({ name, token }: Lock) => {
    t.ok(token > (last.get(name) ?? 0), `the tokens of ${name} grow`)
    last.set(name, token)
  }
  const round = async () => {
    for (const name of names) {
      const lock = await locks.acquire(name)
      took(lock)
      await lock.release()
    }
    const all = await locks.acquireAll(names)
    for (const lock of all) took(lock)
    const { held } = await locks.query({ prefix: 'lock/' })
    t.same(new Set(held.map(({ name }) => name)), new Set([...names, ...kept]), 'a list has all that is held')
    await all[Symbol.asyncDispose]()
  }
  const kept: string[] = []
  const watch = locks.watch('kept/')
  t.match((await made.settled(watch.next())).value, { event: 'watching' })
  made.want(3)
  for (let i = 0; !made.has(3); i++) {
    if (i > 100) throw new Error('there are never three groups')
    await made.settled(round())
  }
  await made.settled(round())
  t.same(
    locks.views.map(({ group }) => group),
    [0, 1, 2],
  )
  t.match((await made.settled(watch.next())).value, { event: 'watching' }, 'a group has come')
  const stays = Array.from({ length: 99 }, (_, i) => `lock/${100 + i}`).find(name =>
    made.names(2, 40).includes(name),
  ) as string
  const lock = await made.settled(locks.acquire(stays))
  kept.push(stays)
  made.want(1)
  for (let i = 0; i < 10; i++) await made.settled(round())
  t.notOk(made.has(1), 'what is held stays where it is')
  t.ok(lock.held)
  await made.settled(lock.release())
  kept.length = 0
  for (let i = 0; !made.has(1); i++) {
    if (i > 100) throw new Error('there is never one group')
    await made.settled(round())
  }
  await made.pass(500)
  t.same(
    locks.views.map(({ group }) => group),
    [0],
  )
  t.match((await made.settled(watch.next())).value, { event: 'watching' }, 'groups have gone')
  const seen = await made.settled(locks.acquire('kept/1'))
  let event = (await made.settled(watch.next())).value
  while (event?.event === 'watching') event = (await made.settled(watch.next())).value
  t.match(event, { event: 'granted', name: 'kept/1', token: seen.token })
  await made.settled(locks.close())
})

// ---- several names

/** A lock that nobody but this test has. */
function lockOf(name: string, released: string[]): Lock {
  return new Lock(name, claim, 1, {
    remainingMs: () => 1_000,
    check: () => {},
    release: async () => void released.push(name),
    note: async () => {},
  })
}

/** Groups by name, as the map has it at that moment; `refuse`: asked of this group in vain. */
class Scene implements Taker {
  map: Record<string, number>
  readonly taken: string[] = []
  readonly released: string[] = []
  pauses = 0
  now = 0
  onTake: (part: string) => void = () => {}
  onPause: () => void = () => {}

  constructor(map: Record<string, number>) {
    this.map = map
  }

  partsOf(names: readonly string[]): Part[] {
    const groups = [...new Set(names.map(name => this.map[name] as number))].sort()
    return groups.map(number => ({
      group: { number } as ClientGroup,
      names: names.filter(name => this.map[name] === number),
    }))
  }

  async take({ group, names }: Part): Promise<Lock[]> {
    const part = `${group.number}:${names.join('')}`
    this.onTake(part)
    this.taken.push(part)
    return names.map(name => lockOf(name, this.released))
  }

  async pause(): Promise<void> {
    this.pauses++
    this.now += 100
    this.onPause()
  }

  monotonic(): number {
    return this.now
  }
}

const wrong = () => {
  throw new LockError('WRONG_GROUP', true, 'another group has it')
}

t.test('G4, G8: what is left is parted anew, and taken on in the order of the groups', async t => {
  const scene = new Scene({ x: 0, y: 1, z: 1 })
  scene.onTake = part => {
    if (part !== '1:zy') return
    scene.map = { x: 0, y: 1, z: 2 }
    wrong()
  }
  const locks = await takeInOrder(['z', 'y', 'x'], {}, scene)
  t.same(
    locks.map(({ name }) => name),
    ['z', 'y', 'x'],
    'in the order of the caller',
  )
  t.same(scene.taken, ['0:x', '1:y', '2:z'])
  t.same(scene.released, [], 'nothing was given back')
})

t.test(
  'G4, G8: if that would break the order of the groups, all is given back, and it begins again',
  async t => {
    const scene = new Scene({ x: 1, y: 2 })
    scene.onTake = part => {
      if (part !== '2:y') return
      scene.map = { x: 1, y: 0 }
      wrong()
    }
    await takeInOrder(['x', 'y'], {}, scene)
    t.same(scene.taken, ['1:x', '0:y', '1:x'])
    t.same(scene.released, ['x'])
  },
)

t.test('G8: names of one group that live in two by now are parted', async t => {
  const scene = new Scene({ x: 0, y: 0 })
  scene.onTake = part => {
    if (part !== '0:xy') return
    scene.map = { x: 0, y: 3 }
    wrong()
  }
  await takeInOrder(['x', 'y'], {}, scene)
  t.same(scene.taken, ['0:x', '3:y'])
  t.equal(scene.pauses, 0, 'the newest map came in front of the refusal')
})

t.test(
  'G8: time limit and signal end it while a slot is between two groups, and all is given back',
  async t => {
    const scene = new Scene({ x: 0, y: 1 })
    scene.onTake = part => {
      if (part === '1:y') wrong()
    }
    await t.rejects(takeInOrder(['x', 'y'], { timeout: 250 }, scene), {
      code: 'TIMEOUT',
      definite: true,
      message: 'did not get locks "y" within 250 ms: its slot is moving to another group of servers',
    })
    t.same(scene.released, ['x'])
    t.equal(scene.pauses, 3)
    const controller = new AbortController()
    scene.onPause = () => controller.abort('enough')
    await t.rejects(
      takeInOrder(['x', 'y'], { signal: controller.signal }, scene).catch(reason => {
        throw new Error(String(reason))
      }),
      { message: 'enough' },
    )
    t.same(scene.released, ['x', 'x'])
  },
)

t.test('G4: any other failure gives back what was taken', async t => {
  const scene = new Scene({ x: 0, y: 1 })
  scene.onTake = part => {
    if (part === '1:y') throw new LockError('NOT_ALLOWED', true, 'no')
  }
  await t.rejects(takeInOrder(['x', 'y'], {}, scene), { code: 'NOT_ALLOWED' })
  t.same(scene.released, ['x'])
})

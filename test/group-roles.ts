// G1 on a lock server's core alone: which group it takes part in, as views of several groups come in any order.

import t from 'tap'
import { ServerCore } from '../lockserver/core.ts'
import type { ServerInput } from '../lockserver/input.ts'
import { saidOn } from '../wire/effects.ts'
import { deadPings, drainMs, pingIntervalMs, stateLimits } from '../wire/limits.ts'
import type { Message, MessageOf, View } from '../wire/messages.ts'
import { firstMap, groupOf } from '../wire/slots.ts'
import { wireVersion } from '../wire/version.ts'
import { openOf } from './fixtures/said.ts'
import { clusterId, idOf } from './fixtures/view-story.ts'

const place = (name: string) => ({ id: idOf(name), address: `ws://${name}.test:1` })

function view(group: number, number: number, primary: string, backup: string | null = null): View {
  const named = { primary: place(primary), backup: backup === null ? null : place(backup) }
  const start = number === 1 ? { tokenFloor: 0, pauseMs: 0, choice: null } : null
  return { group, number, ...named, durability: 'memory', start }
}

/** One server, `s`, that is connected to its view server. */
class Alone {
  readonly core = new ServerCore({
    ...place('s'),
    viewServers: ['ws://view.test:1'],
    ...{ pingIntervalMs, deadPings, drainMs, limits: stateLimits, pid: 1, host: 'h', cluster: null },
  })
  readonly said: Message[] = []
  readonly closed: string[] = []
  stepsDown = false
  #toView = 0
  #now = 1_000

  constructor() {
    this.input({ is: 'tick' })
    this.hears(this.welcome(null))
  }

  welcome(own: View | null, ...others: View[]): Message {
    const about = { wire: wireVersion, cluster: clusterId, kind: 'viewserver', id: null, role: null } as const
    const told = { view: own, acked: true, others, map: firstMap(3) }
    return ['welcome', { ...about, ...told, pingLimitMs: 500, whole: 0, sequence: 0, mark: 1 }]
  }

  input(input: ServerInput): void {
    this.#now += 1
    for (const effect of this.core.step(input, { monotonic: this.#now, wall: this.#now })) {
      if (effect.do === 'dial' && effect.address.includes('view')) this.#toView = effect.connection
      if (effect.do === 'send') this.said.push(effect.message)
      if (effect.do === 'close') this.closed.push(effect.text)
      if (effect.do === 'step-down') this.stepsDown = true
    }
  }

  hears(...messages: Message[]): void {
    const connection = this.#toView
    this.input({ is: 'messages', connection, messages: saidOn<'viewToServer'>(messages) })
  }

  /** A primary dials, with this view. */
  dialled(given: View): void {
    const from = { kind: 'primary', id: given.primary.id, to: this.core.id, view: given } as const
    const about = { cluster: clusterId, owner: null, remote: '', principal: null }
    this.input({ is: 'accepted', connection: 99, from, ...about })
  }

  get part(): string {
    const { view: of, role } = this.core
    return role === 'idle' ? role : `${role} of group ${of?.group} in view ${of?.number}`
  }

  get ping(): MessageOf<'serverToView', 'ping'>[1] {
    return this.core.pingNow
  }
}

t.test('G1: a server takes part in the group that names it, and speaks of that', async t => {
  const alone = new Alone()
  alone.hears(['view', view(0, 7, 'a'), true])
  t.match(alone.ping, { group: 0, view: 7, role: 'idle' })
  alone.hears(['view', view(2, 1, 's'), false])
  t.equal(alone.part, 'primary of group 2 in view 1')
  t.match(alone.ping, { group: 2, view: 1, acked: true })
  alone.hears(['view', view(0, 9, 'a'), true])
  t.equal(alone.part, 'primary of group 2 in view 1', 'numbers of another group are nothing to it')
  alone.hears(['view', view(2, 2, 's', 'b'), false])
  t.equal(alone.part, 'primary of group 2 in view 2')
})

t.test('G1: a state stays in its group, whatever names its server', async t => {
  const alone = new Alone()
  alone.hears(['view', view(1, 1, 's'), false])
  alone.hears(['view', view(0, 5, 'a', 's'), false])
  t.equal(alone.part, 'primary of group 1 in view 1')
  alone.dialled(view(0, 6, 'a', 's'))
  t.match(alone.closed.at(-1), /is of group 1, not of group 0/)
  t.notOk(alone.stepsDown)
  alone.hears(['view', view(1, 2, 'b'), false])
  t.ok(alone.stepsDown, 'only its own group can end it')
})

t.test('G1: a copy that is not whole gives way', async t => {
  const alone = new Alone()
  alone.hears(['view', view(1, 4, 'a', 's'), false])
  alone.dialled(view(1, 4, 'a', 's'))
  t.equal(alone.part, 'backup of group 1 in view 4')
  alone.hears(['view', view(0, 3, 'b', 's'), false])
  t.equal(alone.part, 'backup of group 0 in view 3')
  t.match(alone.closed.at(-1), /group 0 has this server now/)
  alone.hears(['view', view(1, 4, 'a', 's'), false])
  t.equal(alone.part, 'backup of group 0 in view 3', 'an old view does not bring it back')
})

t.test('G1: a primary may be the first to tell of a group', async t => {
  const alone = new Alone()
  alone.dialled(view(2, 6, 'a', 'b'))
  t.match(alone.closed.at(-1), /is of group 0, not of group 2/, 'of which it is no backup')
  alone.dialled(view(2, 7, 'a', 's'))
  t.equal(alone.part, 'backup of group 2 in view 7')
})

t.test('G1: its welcome has all views that it knows, and the map', async t => {
  const alone = new Alone()
  alone.hears(alone.welcome(view(0, 3, 'a'), view(1, 1, 's'), view(2, 8, 'b')))
  t.equal(alone.part, 'primary of group 1 in view 1')
  const from = { kind: 'client', name: 'c' } as const
  alone.input({
    is: 'accepted',
    connection: 5,
    cluster: null,
    from,
    owner: null,
    remote: '',
    principal: null,
  })
  t.match(alone.said.at(-1), ['welcome', { view: { group: 1 }, map: { groups: 3 } }])
  const [, told] = alone.said.at(-1) as unknown as MessageOf<'serverToClient', 'welcome'>
  t.same(told.others.map(({ group, number }) => `${group}:${number}`).sort(), ['0:3', '2:8'])
  alone.hears(['map', { ...firstMap(3), number: 2 }])
  t.match(alone.said.at(-1), ['map', { number: 2 }], 'a newer one is told to clients')
  const before = alone.said.length
  alone.hears(['map', firstMap(3)])
  t.equal(alone.said.length, before, 'an older one is not')
})

t.test('G8: once its group has ended it is idle, and no late view brings it back', async t => {
  const alone = new Alone()
  alone.hears(['view', view(1, 1, 's'), false])
  t.equal(alone.part, 'primary of group 1 in view 1')
  alone.hears(['map', { ...firstMap(3), number: 2, ended: [[1, 1]] }])
  t.ok(alone.stepsDown)
  const other = new Alone()
  other.hears(['map', { ...firstMap(3), number: 2, ended: [[1, 7]] }])
  other.hears(['view', view(1, 7, 'a', 's'), true])
  t.equal(other.core.role, 'idle')
  other.hears(['view', view(1, 8, 'a', 's'), true])
  t.equal(other.part, 'backup of group 1 in view 8')
})

t.test('G2: the newest map is told before a refusal, also when that is asked for again', async t => {
  const alone = new Alone()
  alone.hears(['view', view(1, 1, 's'), false])
  const from = { kind: 'client', name: 'c' } as const
  const about = { cluster: null, owner: null, remote: '', principal: null }
  alone.input({ is: 'accepted', connection: 5, from, ...about })
  const elsewhere = Array.from({ length: 99 }, (_, i) => `lock ${i}`).find(
    name => groupOf(firstMap(3), name) !== 1,
  )
  const session = 'e'.repeat(32)
  const acquire = ['acquire', 1, [elsewhere ?? ''], 'exclusive', 'wait', null] as const
  const says = (...messages: MessageOf<'clientToServer'>[]) => {
    alone.said.length = 0
    alone.input({ is: 'messages', connection: 5, messages: saidOn<'clientToServer'>(messages) })
    alone.input({ is: 'turn-end' })
    return alone.said.map(([kind]) => kind)
  }
  t.same(says(openOf(session, 1, 10_000, 'c'), acquire), ['opened', 'map', 'refused'])
  t.match(alone.said.at(-1), ['refused', 1, 'WRONG_GROUP'])
  t.same(says(acquire), ['refused'], 'once is enough')
  alone.hears([
    'map',
    { ...firstMap(3), number: 2, moves: [{ number: 2, from: 1, to: 0, slots: [2000, 2000] }] },
  ])
  t.same(says(acquire), ['map', 'refused'], 'a newer one')
})

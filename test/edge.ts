// B3, B4, B7 on the edge alone, without a socket: which peers get in, which must wait, and which must go.

import t from 'tap'
import type { WireError } from '../wire/codec.ts'
import * as limits from '../wire/limits.ts'
import type { HelloFrom } from '../wire/messages.ts'
import { ByteSum } from '../wire/net/byte-sum.ts'
import { Edge, type Guest, type Standing } from '../wire/net/edge.ts'
import { roomOf } from '../wire/net/edge-room.ts'
import { FrameRate } from '../wire/net/frame-rate.ts'
import { WrongSecrets } from '../wire/net/wrong-secrets.ts'

const client: HelloFrom = { kind: 'client', name: 'test' }
const probe: HelloFrom = { kind: 'probe' }
const small = { sockets: 20, strangers: 4, servers: 2, clients: 6, distantClients: 4 }
const none = { connectionsPerAddress: null, framesPerAddress: null }

class StoryGuest implements Guest {
  standing: Standing = 'stranger'
  readonly address: string
  since = 0
  bytes = 0
  isCut = false
  ended: string | undefined

  constructor(address: string) {
    this.address = address
  }
  get loopback(): boolean {
    return this.address === '127.0.0.1'
  }
  get exempt(): boolean {
    return this.standing === 'server'
  }
  receiving(): number {
    return this.bytes
  }
  unread(): number {
    return this.bytes
  }
  cut(): void {
    this.isCut = true
  }
  end(error: WireError): void {
    this.ended = error.code
  }
}

function story(quotas: { connectionsPerAddress: number | null; framesPerAddress: number | null } = none) {
  const edge = new Edge(small, quotas, { connectionsPerAddress: 3, framesPerAddress: 100 })
  const comes = (address: string) => {
    const guest = new StoryGuest(address)
    edge.enter(guest)
    return guest
  }
  /** The code of its refusal, if it is refused. */
  const says = (address: string, from: HelloFrom, now = 0) => edge.admit(comes(address), from, now)?.code
  return { edge, comes, says }
}

t.test('B3: with one stranger too many the oldest of the address with most is cut, no other', async t => {
  const { edge, comes } = story()
  const [first, oldest, younger] = [comes('10.0.0.1'), comes('10.0.0.2'), comes('10.0.0.2')]
  const all = [first, oldest, younger, comes('10.0.0.3')]
  t.notOk(all.some(guest => guest.isCut))
  const last = comes('10.0.0.3')
  t.same(
    [...all, last].filter(guest => guest.isCut),
    [oldest],
  )
  edge.leave(oldest)
  t.equal(edge.counts.stranger, 4, 'it is counted out once')
  t.equal(edge.cuts.strangers, 1)
})

t.test('B3: a peer that has shown the secret is no stranger any more', async t => {
  const { edge, comes } = story()
  const guest = comes('10.0.0.1')
  t.equal(edge.admit(guest, client, 0), undefined)
  for (let i = 0; i < 20; i++) comes('10.0.0.1')
  t.notOk(guest.isCut)
  t.same(edge.counts, { stranger: 4, client: 1, server: 0 })
  edge.leave(guest)
  t.equal(edge.counts.client, 0)
})

t.test('B7: places are kept for servers, and for operators on this machine', async t => {
  const { says } = story()
  for (const address of ['10.0.0.1', '10.0.0.1', '10.0.0.2', '10.0.0.2'])
    t.equal(says(address, client), undefined)
  t.equal(says('10.0.0.3', client), 'TOO_MANY_CONNECTIONS')
  t.equal(says('127.0.0.1', client), undefined)
  t.equal(says('127.0.0.1', client), undefined)
  t.equal(says('127.0.0.1', client), 'TOO_MANY_CONNECTIONS')
  t.equal(says('10.0.0.3', probe), undefined)
  t.equal(says('10.0.0.3', probe), undefined)
  t.equal(says('10.0.0.3', probe), 'TOO_MANY_CONNECTIONS')
})

t.test('B7: connections from one address have a quota; loopback is exempt unless that is set', async t => {
  const { edge, comes, says } = story()
  const guests = [1, 2, 3].map(() => comes('10.0.0.1'))
  for (const guest of guests) t.equal(edge.admit(guest, client, 0), undefined)
  t.equal(says('10.0.0.1', client), 'TOO_MANY_CONNECTIONS')
  t.equal(says('10.0.0.2', client), undefined, 'another address')
  edge.leave(guests[0] as Guest)
  t.equal(says('10.0.0.1', client), undefined, 'a place that is free again')
  const set = story({ connectionsPerAddress: 1, framesPerAddress: null })
  t.equal(set.says('127.0.0.1', client), undefined)
  t.equal(set.says('127.0.0.1', client), 'TOO_MANY_CONNECTIONS')
})

t.test(
  'B7: frames of one address beyond its share wait; those of servers and of loopback do not',
  async t => {
    const { edge, comes } = story()
    const [distant, near, server] = [comes('10.0.0.1'), comes('127.0.0.1'), comes('10.0.0.1')]
    edge.admit(distant, client, 0)
    edge.admit(near, client, 0)
    edge.admit(server, probe, 0)
    for (let i = 0; i < 100; i++) t.equal(edge.took(distant, 1, 0), 0)
    t.equal(edge.took(distant, 1, 0), 10)
    for (let i = 0; i < 300; i++) t.equal(edge.took(near, 1, 0) + edge.took(server, 1, 0), 0)
    t.equal(edge.took(distant, 1, 1_000), 0, 'a second later')
  },
)

t.test('B7: a share grows with time, and never beyond a second', async t => {
  const rate = new FrameRate(10)
  for (let i = 0; i < 10; i++) t.equal(rate.took('a', 1, 0), 0)
  t.equal(rate.took('a', 1, 0), 100)
  t.equal(rate.took('b', 1, 0), 0, 'another address')
  t.equal(rate.took('a', 1, 200), 0)
  for (let i = 0; i < 10; i++) t.equal(rate.took('a', 1, 60_000), 0)
  t.equal(rate.took('a', 1, 60_000), 100)
})

t.test('B7: a client that says hello and nothing else has to go after a while', async t => {
  const { edge, comes } = story()
  const [silent, talking, server] = [comes('10.0.0.1'), comes('10.0.0.1'), comes('10.0.0.1')]
  edge.admit(silent, client, 0)
  edge.admit(talking, client, 0)
  edge.admit(server, probe, 0)
  edge.took(talking, 1, 5)
  edge.sweep(limits.silentAfterHelloMs - 1)
  t.equal(silent.ended, undefined)
  edge.sweep(limits.silentAfterHelloMs)
  t.same([silent.ended, talking.ended, server.ended], ['GONE_QUIET', undefined, undefined])
  t.equal(edge.cuts.silent, 1)
})

t.test('B1: of very many that have gone quiet a share ends in each turn', async t => {
  const room = { ...small, clients: 100, distantClients: 100, strangers: 100 }
  const edge = new Edge(room, none, { connectionsPerAddress: 100, framesPerAddress: 100 })
  const all = Array.from({ length: limits.silentPerTurnMax + 1 }, () => new StoryGuest('10.0.0.1'))
  for (const guest of all) {
    edge.enter(guest)
    edge.admit(guest, client, 0)
  }
  const ended = () => all.filter(guest => guest.ended !== undefined).length
  t.ok(edge.sweep(limits.silentAfterHelloMs))
  t.equal(ended(), limits.silentPerTurnMax)
  t.notOk(edge.sweep(limits.silentAfterHelloMs))
  t.equal(ended(), all.length)
})

t.test('B4: when all together hold too much the largest is cut first; servers are not', async t => {
  const cut: StoryGuest[] = []
  const sum = new ByteSum<StoryGuest>(
    800,
    guest => guest.bytes,
    guest => cut.push(guest),
  )
  const [server, large, larger, little] = ['s', 'a', 'b', 'c'].map(name => new StoryGuest(name))
  if (!server || !large || !larger || !little) throw new Error('four were made')
  server.standing = 'server'
  const holds = (guest: StoryGuest, bytes: number) => {
    guest.bytes = bytes
    sum.note(guest)
  }
  holds(server, 400)
  holds(large, 150)
  holds(larger, 200)
  holds(little, 50)
  t.same([cut, sum.sum], [[], 800])
  holds(little, 60)
  t.same([cut, sum.sum], [[larger], 610])
  large.bytes = 0
  holds(little, 300)
  t.same([cut.length, sum.sum], [1, 700], 'what was read meanwhile does not count')
  holds(little, 0)
  t.equal(sum.sum, 400)
})

t.test('B3: wrong secrets are answered later and later; after a minute they are forgotten', async t => {
  const secrets = new WrongSecrets()
  for (let i = 0; i < limits.wrongSecretsFree; i++) t.equal(secrets.wrong('a', 0), 0)
  t.same(
    [1, 2, 3].map(() => secrets.wrong('a', 0)),
    [50, 100, 200],
  )
  t.equal(secrets.wrong('b', 0), 0, 'another address')
  for (let i = 0; i < 20; i++) secrets.wrong('a', 0)
  t.equal(secrets.wrong('a', 0), limits.wrongSecretMsMax)
  for (let i = 0; i < 24; i++) secrets.answered('a')
  t.equal(secrets.wrong('a', 59_000), limits.wrongSecretMsMax)
  secrets.answered('a')
  t.equal(secrets.wrong('a', 120_000), 0)
})

t.test('B3: an address with too many waiting secrets is not heard, unless it is known', async t => {
  const secrets = new WrongSecrets()
  secrets.right('known')
  for (const address of ['a', 'known', '127.0.0.1'])
    for (let i = 0; i < limits.wrongSecretsFree + limits.wrongSecretsWaitingMax; i++)
      secrets.wrong(address, 0)
  t.notOk(secrets.mayTry('a', false))
  t.ok(secrets.mayTry('known', false))
  t.ok(secrets.mayTry('127.0.0.1', true))
  t.ok(secrets.mayTry('b', false))
  secrets.answered('a')
  t.ok(secrets.mayTry('a', false))
})

t.test('B3: the number of remembered addresses has a bound', async t => {
  const secrets = new WrongSecrets()
  for (let i = 0; i < limits.wrongSecretsFree; i++) secrets.wrong('first', 0)
  for (let i = 0; i < limits.addressesRememberedMax; i++) secrets.wrong(`address ${i}`, 0)
  t.equal(secrets.wrong('first', 0), 0, 'forgotten')
})

t.test('B3: a server takes fewer sockets than it has files, and keeps some files for itself', async t => {
  for (const files of [64, 128, 256, 512, 1_024, 4_096, 20_000, 1_048_576]) {
    const room = roomOf(files, 22, limits.connectionsMax)
    t.ok(room.sockets + 22 + 16 <= files, `${files} files: some are left`)
    t.ok(room.strangers + room.clients + room.servers <= room.sockets, `${files} files: they fit`)
    t.ok(room.distantClients < room.clients, `${files} files: operators get in`)
  }
  const room = roomOf(1_048_576, 22, limits.connectionsMax)
  t.equal(room.clients, limits.connectionsMax)
})

t.test('B7: where there is a principal its quotas count, wherever it comes from, and no address', async t => {
  const { edge, comes } = story()
  const comesAs = (address: string, principal: string | null) => {
    const guest = comes(address)
    return { guest, refusal: edge.admit(guest, client, 0, principal) }
  }
  const [first] = ['10.0.0.1', '10.0.0.2', '127.0.0.1'].map(address => comesAs(address, 'billing'))
  t.match(comesAs('10.0.0.3', 'billing').refusal, {
    code: 'TOO_MANY_CONNECTIONS',
    message: /there are 3 of the principal billing already/,
  })
  t.equal(comesAs('10.0.0.1', 'payroll').refusal, undefined, 'another one on the same machine')
  t.equal(comesAs('127.0.0.1', null).refusal, undefined)
  if (first !== undefined) edge.leave(first.guest)
  const back = comesAs('127.0.0.1', 'billing')
  t.equal(back.refusal, undefined, 'a place that is free again')
  t.equal(edge.took(back.guest, 100, 0), 0)
  t.equal(edge.took(back.guest, 1, 0), 10, 'frames likewise, on this machine too')
  const named = comesAs('127.0.0.1', null)
  t.equal(edge.took(named.guest, 500, 0), 0, 'who has no principal here has no quota')
})

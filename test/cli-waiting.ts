// What commands tell a person who waits, and an operator whose cluster is not well: the words, and when they come.

import { t } from 'tap'
import { graveness } from '../cli/status.ts'
import { queueText, Teller, waitingTimes } from '../cli/waiting.ts'
import { adviceFor } from '../viewservice/advice.ts'
import type { HoldRecord, ServerStatus, Status, View, WaitRecord } from '../wire/messages.ts'

const me = 'e'.repeat(32)
const hold = (clientName: string | null, token: number, heldMs: number): HoldRecord => ({
  ...{ name: 'jj', mode: 'shared', token, heldMs, terms: null },
  clientId: clientName === null ? null : 'a'.repeat(32),
  clientName,
  host: clientName === null ? null : 'app-2',
  pid: clientName === null ? null : 4_711,
})
const wait = (clientId: string, name = 'jj'): WaitRecord => ({
  ...{ name, mode: 'exclusive', clientId, clientName: 'w', host: null, pid: null, waitedMs: 5, terms: null },
})

t.test('for whom a command waits: who holds it, for how long, how many come first', async t => {
  const others = [wait('b'.repeat(32)), wait('c'.repeat(32))]
  const text = (held: HoldRecord[], pending: WaitRecord[]) => queueText('jj', { held, pending }, me)
  t.equal(
    text([hold('billing-3', 1, 12_000)], [wait(me, 'other'), ...others, wait(me)]),
    'held by billing-3 on app-2, pid 4711 for 12.0 s, 2 before you',
  )
  t.equal(
    text([hold('a', 1, 10), hold('b', 2, 5)], [wait(me)]),
    'held by a on app-2, pid 4711 for 10 ms and 1 more',
  )
  const terms = { permits: null, note: null, keptMs: 7_000, endsMs: null, once: null }
  t.equal(text([{ ...hold(null, 1, 10), terms }], [wait(me)]), 'kept for no client, for 7.0 s more')
  t.equal(text([], [...others, wait(me)]), 'no client holds it just now, 2 before you')
  t.equal(text([hold('a\n', 1, 10)], []), 'held by "a\\n" on app-2, pid 4711 for 10 ms', 'in one line')
})

t.test('it is said once, again when it has changed, and after a minute', async t => {
  const said: string[] = []
  const teller = new Teller(line => said.push(line))
  const { againMs } = waitingTimes
  teller.tell('a', 'first', 0)
  teller.tell('a', 'the same, some seconds older', 5_000)
  t.same(said, ['first'])
  teller.tell('b', 'another', 6_000)
  teller.tell('a', 'as before', 7_000)
  t.same(said, ['first', 'another', 'as before'])
  teller.tell('a', 'not yet', 7_000 + againMs - 1)
  teller.tell('a', 'still', 7_000 + againMs)
  t.same(said.slice(3), ['still'])
})

const server = (id: string, role: ServerStatus['role'], more: Partial<ServerStatus> = {}): ServerStatus => ({
  ...{ id: id.repeat(32), address: `ws://${id}:7401`, pid: 1, host: 'h', role, view: 3, opNumber: 5 },
  ...{
    lag: 0,
    copiedPart: 0,
    pingAgeMs: 1_200,
    alive: true,
    leaving: false,
    inSync: role === 'backup',
    group: role === 'idle' ? null : 0,
  },
  ...{ imprint: null, low: false, disk: null, version: '0.1.0' },
  ...more,
})
const statusOf = (servers: readonly ServerStatus[], more: Partial<Status> = {}): Status => {
  const in_ = (role: string) => servers.find(each => each.role === role)
  const [primary, backup] = [in_('primary'), in_('backup')]
  const view: View | null =
    primary === undefined
      ? null
      : { group: 0, number: 3, primary, backup: backup ?? null, durability: 'memory', start: null }
  const survives = primary?.alive && backup?.alive && backup.inSync ? 1 : 0
  const none = { cluster: null, durability: null, groups: [], map: null, recovery: null, halted: null }
  const one = { groupsWanted: 1, groupsWait: null }
  return {
    ...none,
    ...one,
    view,
    acked: true,
    servers: [...servers],
    survives,
    pid: 3,
    viewServers: [],
    ...more,
  }
}

t.test('what to do, and how grave it is', async t => {
  const primary = server('a', 'primary')
  const backup = server('b', 'backup')
  const dead = { alive: false } as const
  const cases: [what: string, status: Status, grave: number, advice: RegExp | null][] = [
    ['well', statusOf([primary, backup]), 0, null],
    [
      'the backup is dead',
      statusOf([primary, server('b', 'backup', dead)]),
      1,
      /^No backup: ws:\/\/b:7401 has been silent for 1\.2 s\. If the primary dies now, all locks are lost\. Start a lock server; it is taken by itself\.$/,
    ],
    [
      'the backup is dead, and locks are on disk',
      statusOf([primary, server('b', 'backup', dead)], { durability: 'disk' }),
      1,
      /If the primary dies now, no lock can be granted until it is back with its disk\. Start a lock server/,
    ],
    [
      'both are dead, and locks are on disk',
      statusOf([server('a', 'primary', dead)], { durability: 'disk' }),
      2,
      /^No lock can be granted\. Start the machine of ws:\/\/a:7401 again: the locks are on its disk\.$/,
    ],
    [
      'an old one is dead',
      statusOf([primary, server('c', 'idle', dead)]),
      1,
      /^No backup: ws:\/\/c:7401 has been silent for 1\.2 s\. .*Start a lock server/,
    ],
    [
      'there is but one',
      statusOf([primary]),
      1,
      /^No backup: there is no other lock server\. .*Start a lock server/,
    ],
    [
      'one is about to be taken',
      statusOf([primary, server('c', 'idle')]),
      1,
      /^No backup yet: an idle lock server/,
    ],
    [
      'a copy is under way',
      statusOf([primary, server('b', 'backup', { inSync: false })]),
      1,
      /copy is under way.*Wait\.$/,
    ],
    [
      'the primary is dead',
      statusOf([server('a', 'primary', dead), backup]),
      2,
      /^The primary is silent\. Its backup/,
    ],
    [
      'both are dead',
      statusOf([server('a', 'primary', dead)]),
      2,
      /^No lock can be granted\. Start the machine of ws:\/\/a:7401/,
    ],
    ['no view', statusOf([]), 2, /^No lock server has been found yet\./],
    ['halted', statusOf([primary, backup], { halted: 'two view servers decide', survives: 0 }), 2, null],
  ]
  for (const [what, status, grave, advice] of cases) {
    t.equal(graveness(status), grave, what)
    const lines = adviceFor(status)
    t.equal(lines.length, advice === null ? 0 : 1, what)
    if (advice !== null) t.match(lines[0], advice, what)
  }
})

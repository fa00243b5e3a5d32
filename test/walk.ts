// The locks of a list, found a share in each turn while the table goes on (B1): the list shows one moment all the same.

import t from 'tap'
import { Listings } from '../lockserver/listings.ts'
import { listLocks } from '../lockserver/query.ts'
import { Times } from '../lockserver/times.ts'
import { drawnLimits } from '../wire/limits.ts'
import type { MessageOf } from '../wire/messages.ts'
import { Cluster, HandParty } from './fixtures/cluster.ts'
import { type Random, random } from './fixtures/random.ts'
import { openOf } from './fixtures/said.ts'
import { StateStory } from './fixtures/state-story.ts'

t.afterEach(() => drawnLimits({}))

const now = { monotonic: 0, wall: 0 }

/** Something begins or ends in a table of a few names. */
function change(s: StateStory, dice: Random): void {
  const session = dice.pick([...s.state.sessions.values()])
  const held = [...session.holds.keys()]
  if (held.length > 0 && dice.chance(0.5)) s.release(session, dice.pick(held))
  else s.acquire(session, `${dice.pick(['a', 'b'])}/${dice.below(16)}`, dice.pick(['shared', 'exclusive']))
}

for (const queryMax of [20_000, 12])
  t.test(
    `B1: a list whose locks are found in shares is that of its last turn, of at most ${queryMax}`,
    async t => {
      drawnLimits({ locksWalkedPerTurnMax: 2, queryMax })
      const dice = random(7)
      let most = 0
      for (let round = 0; round < 300; round++) {
        const s = new StateStory()
        for (const name of ['one', 'two', 'three']) s.open(name)
        for (let i = 0; i < 20; i++) change(s, dice)
        const listings = new Listings(s.state, new Times(), { now })
        const prefix = dice.pick(['', 'a/', 'none'])
        const only = dice.pick([null, null, ['a/1', 'b']])
        let turns = 1
        for (; !listings.find({ prefix, only }, 0); turns++)
          for (let i = dice.below(4); i > 0; i--) change(s, dice)
        const found = listings.of({ prefix, only }, 0)
        const whole = listLocks(s.state, prefix, 0, undefined, only)
        if (queryMax > 100 || !found.cut) t.strictSame(found, whole, `round ${round}`)
        else if (only === null) t.equal(found.size, queryMax, `round ${round}`)
        else t.ok(found.size <= queryMax)
        most = Math.max(most, turns)
      }
      t.ok(most > 6, `up to ${most} turns`)
    },
  )

t.test('B1: of very many locks those are found that come where the search has been already', async t => {
  const story = new StateStory({ unansweredMax: 1_000_000 })
  const { state } = story
  const session = story.open('one')
  const acquire = (name: string) => {
    state.apply(['acquire', session.ordinal, session.nextRequest, [name], 'exclusive', 'wait', null])
    while (state.facts.take() !== undefined);
  }
  for (let i = 0; i < 60_000; i++) acquire(`old/${i}`)
  const listings = new Listings(state, new Times(), { now })
  const scope = { prefix: 'new/', only: null }
  let came = 0
  while (!listings.find(scope, 0)) for (let i = 0; i < 500; i++) acquire(`new/${came++}`)
  const found = listings.of(scope, 0)
  t.ok(came >= 1_500, `${came} came`)
  t.equal(found.size, came)
  t.strictSame(found, listLocks(state, 'new/', 0))
})

t.test(
  'B1: a query about many locks takes a share of its turns; others are served meanwhile, and who leaves is forgotten',
  async t => {
    drawnLimits({ queriedInPlaceMax: 4, locksWalkedPerTurnMax: 3 })
    const cluster = new Cluster()
    cluster.ready()
    const hand = (name: string) => {
      const party = new HandParty(cluster, name).dial(cluster.primary.address)
      party.hears('welcome')
      return party
    }
    const owner = hand('owner')
    owner.say(openOf('e'.repeat(32), 1, 10_000, 'owner'))
    owner.hears('opened')
    for (let i = 1; i <= 30; i++) owner.say(['acquire', i, [`held/${i}`], 'exclusive', 'wait', null])
    cluster.until(() => cluster.primary.core.state?.table.locks.size === 30, '30 locks')
    const [asker, leaver] = [hand('asker'), hand('leaver')]
    const { turns } = cluster.primary
    leaver.say(['query', 1, 'held/2', true], ['query', 2, '', true])
    asker.say(['query', 3, 'held/', true], ['query', 4, 'none', false])
    const answer = (number: number) =>
      asker.heard.find(([kind, asked]) => kind === 'locks' && asked === number) as
        | MessageOf<'serverToClient', 'locks'>
        | undefined
    leaver.kill()
    cluster.until(() => answer(3) !== undefined && answer(4) !== undefined, 'both answers')
    t.match(answer(3), ['locks', 3, { more: false, cut: false, confirmed: true }])
    t.equal(answer(3)?.[3].length, 30)
    t.strictSame(answer(4)?.[3], [])
    t.ok(cluster.primary.turns - turns >= 10, `${cluster.primary.turns - turns} turns`)
  },
)

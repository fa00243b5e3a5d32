// A server's connection to a client ends in many ways: the client closes it, a newer one
// replaces it, the server closes it or has no session for it. Afterwards nothing waits
// for it any more, and it watches nothing.

import t from 'tap'
import { watchesMax } from '../wire/limits.ts'
import type { Message } from '../wire/messages.ts'
import { Cluster, HandParty } from './fixtures/cluster.ts'
import { abandonOf, openOf, resumeOf } from './fixtures/said.ts'

const id = 'e'.repeat(32)

function started() {
  const cluster = new Cluster()
  cluster.ready()
  const hand = (name: string) => {
    const party = new HandParty(cluster, name).dial(cluster.primary.address)
    party.hears('welcome')
    return party
  }
  return { cluster, hand }
}

const watches = Array.from({ length: watchesMax }, (_, i): Message => ['watch', i + 1, ''])

/** One connection takes all watches of a server, and ends this way; then another one may take them all. */
function freed(
  name: string,
  end: (cluster: Cluster, first: HandParty, hand: (name: string) => HandParty) => void,
) {
  t.test(`F13: ${name} watches nothing any more`, async t => {
    const { cluster, hand } = started()
    const first = hand('first')
    first.say(openOf(id, 1, 10_000, 'first'))
    first.hears('opened')
    first.say(...watches)
    cluster.until(
      () => first.heard.filter(([kind]) => kind === 'watching').length === watchesMax,
      'its watches',
    )
    end(cluster, first, hand)
    const next = hand('next')
    next.say(...watches)
    cluster.run(50)
    t.equal(next.heard.filter(([kind]) => kind === 'watching').length, watchesMax)
  })
}

freed('a connection that its client closes', (cluster, first) => {
  first.kill()
  cluster.run(50)
})

freed('a connection that a newer one has replaced', (cluster, _, hand) => {
  hand('newer').say(resumeOf(id, 2, 1, []))
  cluster.run(50)
})

freed('a connection that the server closes', (cluster, first) => {
  first.say(['release', 7, 1])
  cluster.run(50)
})

freed('a connection whose session is over', (cluster, _, hand) => {
  hand('other').say(abandonOf(id))
  cluster.run(50)
})

freed('a connection that asks for an unknown session', (cluster, first) => {
  first.kill()
  cluster.run(50)
  const stranger = new HandParty(cluster, 'stranger').dial(cluster.primary.address)
  stranger.hears('welcome')
  stranger.say(...watches)
  cluster.run(50)
  stranger.say(resumeOf('d'.repeat(32), 1, 1, []))
  cluster.run(50)
})

t.test('WATCHES_LIMIT: it says how many watches a server has', async t => {
  const { cluster, hand } = started()
  hand('first').say(...watches)
  cluster.run(50)
  const next = hand('next').say(['watch', 1, ''])
  t.same(next.hears('watch-refused'), [
    'watch-refused',
    1,
    'WATCHES_LIMIT',
    `a server has at most ${watchesMax} watches; end some`,
  ])
})

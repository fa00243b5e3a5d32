// How long a connection may be silent (S4): proxies cut one on which nothing was said for some time, usually 60 s.
// Clients and servers say something often enough that none of them does.

import t from 'tap'
import type { Outcome } from '../fixtures/client-party.ts'
import { Cluster } from '../fixtures/cluster.ts'

/** What docs/OPERATIONS.md tells those who set up a proxy. */
const silentMsMax = 40_000
const minutes = 10

function tokenOf({ result }: Outcome): number {
  const [token] = result?.verb === 'acquire' ? (result.tokens ?? []) : []
  if (token === undefined) throw new Error('nothing was granted')
  return token
}

/** The longest time for which two parties, once they had spoken, said nothing to one another. */
function silences(begin: (cluster: Cluster) => void): Map<string, number> {
  const cluster = new Cluster()
  cluster.ready()
  const heard = new Map<string, number>()
  const longest = new Map<string, number>()
  const note = (pair: string, at: number) => {
    longest.set(pair, Math.max(longest.get(pair) ?? 0, at - (heard.get(pair) ?? at)))
    heard.set(pair, at)
  }
  cluster.network.onFrame = (from, to) => {
    note([from.name, to.name].sort().join(' and '), cluster.network.time)
    return 'pass'
  }
  begin(cluster)
  cluster.run(minutes * 60_000)
  for (const pair of heard.keys()) note(pair, cluster.network.time)
  return longest
}

for (const ttlMs of [10_000, 600_000]) {
  t.test(`S4: with a ttl of ${ttlMs / 1_000} s no connection is silent for long`, async t => {
    for (const what of ['nothing', 'a lock', 'a wait', 'a watch'] as const) {
      const longest = silences(cluster => {
        const [a, b] = [cluster.client('a', { ttlMs }), cluster.client('b', { ttlMs })]
        const first = a.acquire('x')
        cluster.until(() => first.done, 'grant')
        if (what === 'nothing') a.releaseToken(tokenOf(first))
        if (what === 'a wait') b.acquire('x')
        if (what === 'a watch') b.watch(1, '')
      })
      for (const [pair, ms] of longest) t.ok(ms <= silentMsMax, `${what}: ${pair}, ${ms} ms`)
      t.ok(longest.size > 3, `${longest.size} pairs have spoken`)
    }
  })
}

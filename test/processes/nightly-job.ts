// The job that runs once a night, on two machines whose clocks differ by a minute and which are killed at random
// moments (C5): simulated nights, a thousand with `npm run test:nights`, and some with real processes of `holdfast run --once`.

import { existsSync, readFileSync } from 'node:fs'
import { startCluster } from 'holdfast/testing'
import t from 'tap'
import { noTerms } from '../../wire/claim.ts'
import { Cluster, type SessionParty } from '../fixtures/cluster.ts'
import { Running } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { folderOf } from '../fixtures/folder.ts'
import { sameClocks } from '../fixtures/machine.ts'
import { type Random, random } from '../fixtures/random.ts'

const nights = Number(process.env.HOLDFAST_TEST_NIGHTS ?? 200)
/** From one planned time to the next: shorter than the clocks differ, so that the nights overlap as well. */
const nightMs = 3_000
const skewMs = 60_000
const keepMs = 5 * skewMs

/** What became of one machine's ask for one night. */
interface Ask {
  readonly night: number
  readonly party: SessionParty
  killed: boolean
  outcome: 'none' | 'ran' | 'done before' | 'failed'
}

/** Each machine starts a process at the planned time by its own wall clock, as cron does. */
class Crontab {
  readonly begun = new Map<number, number>()
  readonly asks: Ask[] = []
  readonly #cluster: Cluster
  readonly #dice: Random

  constructor(cluster: Cluster, dice: Random) {
    this.#cluster = cluster
    this.#dice = dice
  }

  fire(machine: string, times: number): void {
    const party = this.#cluster.client(`${machine}/${times}`, { ttlMs: 2_000 })
    const night = Math.round(party.now().wall / nightMs)
    const ask: Ask = { night, party, killed: false, outcome: 'none' }
    this.asks.push(ask)
    const once = { key: String(night), keepMs }
    const outcome = party.acquire('nightly', { terms: { ...noTerms, once } })
    party.onTold = (_, of) => {
      if (of === outcome && outcome.done && ask.outcome === 'none') this.#answered(ask, outcome)
    }
    const { chance, below } = this.#dice
    // Half of the time within what it takes to ask, else while the job runs.
    if (chance(0.3)) this.#cluster.network.after(chance(0.5) ? below(20) / 4 : below(1_500), () => kill(ask))
  }

  #answered(ask: Ask, { result }: ReturnType<SessionParty['acquire']>): void {
    const { party, night } = ask
    ask.outcome = 'failed'
    if (result?.verb === 'done-before') ask.outcome = 'done before'
    if (result?.verb === 'acquire' && result.tokens !== null) {
      ask.outcome = 'ran'
      this.begun.set(night, (this.begun.get(night) ?? 0) + 1)
      const [token = 0] = result.tokens
      return party.later(this.#dice.below(600), () => this.#over(party, token))
    }
    party.later(1, () => party.end())
  }

  #over(party: SessionParty, token: number): void {
    party.releaseToken(token)
    party.end()
  }
}

function kill(ask: Ask): void {
  if (!ask.party.alive) return
  ask.killed = true
  ask.party.kill()
}

function play(seed: number, count: number): { crontab: Crontab; cluster: Cluster } {
  const dice = random(seed)
  const clockOf = (name: string) => (name.startsWith('B/') ? { ...sameClocks, wallMs: -skewMs } : sameClocks)
  const cluster = new Cluster({ clockOf, newCluster: true })
  cluster.ready()
  const crontab = new Crontab(cluster, dice)
  const { network } = cluster
  const first = nightMs - (network.now().wall % nightMs)
  for (let i = 0; i < count; i++) {
    network.after(first + i * nightMs, () => crontab.fire('A', i))
    network.after(first + i * nightMs + skewMs + dice.below(200), () => crontab.fire('B', i))
    if (dice.chance(0.05))
      network.after(first + i * nightMs + dice.below(nightMs), () => killPrimary(cluster))
  }
  cluster.run(first + count * nightMs + skewMs + 30_000)
  return { crontab, cluster }
}

/** It comes back, empty, and one that was idle takes its place. */
function killPrimary(cluster: Cluster): void {
  const { viewServer, view } = cluster
  if (!viewServer.acked || view === null || view.backup === null) return
  const { primary, network } = cluster
  if (!primary.alive) return
  primary.kill()
  network.after(1_000, () => primary.restart())
}

t.test(
  `C5: ${nights} simulated nights, each begins at most once, and no less for any other reason than a death`,
  async t => {
    const counts = { once: 0, killedInTime: 0, killed: 0, doneBefore: 0 }
    for (let seed = 1; seed <= 4; seed++) {
      const { crontab, cluster } = play(seed, nights / 4)
      t.equal(cluster.problem(), undefined)
      const byNight = new Map<number, Ask[]>()
      for (const ask of crontab.asks) byNight.set(ask.night, [...(byNight.get(ask.night) ?? []), ask])
      t.equal(byNight.size, nights / 4)
      for (const [night, asks] of byNight) {
        const begun = crontab.begun.get(night) ?? 0
        if (asks.length !== 2 || begun > 1) t.fail(`seed ${seed}, night ${night} began ${begun} times`)
        const unheard = asks.some(({ killed, outcome }) => killed && outcome === 'none')
        if (begun === 0 && !unheard) t.fail(`seed ${seed}, night ${night} never began`)
        counts[begun === 1 ? 'once' : 'killedInTime']++
        counts.killed += asks.filter(({ killed }) => killed).length
        counts.doneBefore += asks.filter(({ outcome }) => outcome === 'done before').length
        for (const { killed, outcome } of asks)
          if (!killed && (outcome === 'none' || outcome === 'failed'))
            t.fail(`seed ${seed}, night ${night}: a living machine got no answer: ${outcome}`)
      }
    }
    t.comment(JSON.stringify(counts))
    t.ok(counts.killed > 0.3 * nights && counts.doneBefore > 0.5 * nights, 'all of it has happened')
    t.ok(counts.killedInTime < 0.1 * nights, 'a night without a run is one whose runner died before it began')
  },
)

/** A wall clock that is a minute late, for a process and all that it starts. */
const late = `const Real = Date
globalThis.Date = class extends Real {
  constructor(...given) {
    if (given.length === 0) super(Real.now() - ${skewMs})
    else super(...given)
  }
  static now() {
    return Real.now() - ${skewMs}
  }
}`

t.test(
  'C5: real processes of run --once, one clock a minute late, killed at work: it began once a night',
  async t => {
    await using cluster = await startCluster()
    const file = `${folderOf(t, {})}/begun.txt`
    const environment = { HOLDFAST_VIEW: cluster.url }
    const job = `
    require('fs').appendFileSync(${JSON.stringify(file)}, process.env.NIGHT + ' ' + process.ppid + ' ' + Date.now() + '\\n')
    setTimeout(() => {}, process.env.NIGHT === 'monday' ? 100 : 60000)`
    const begun = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [])
    for (const night of ['monday', 'tuesday', 'wednesday']) {
      const args = ['run', 'nightly', '--once', night, '--ttl', '1s', '--', process.execPath, '-e', job]
      const start = () => new Running(t, args, { ...environment, NIGHT: night })
      const startLate = () =>
        new Running(t, args, {
          ...environment,
          NIGHT: night,
          NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(late)}`,
        })
      // Both at once, or the late one alone at first.
      const machines = night === 'tuesday' ? [startLate()] : [start(), startLate()]
      const line = await until('one began', async () => begun().find(each => each.startsWith(night)))
      if (night === 'tuesday') {
        t.ok(Number(line.split(' ')[2]) <= Date.now() - skewMs, 'by a clock that is a minute late')
        machines.push(start())
      }
      if (night !== 'monday')
        setTimeout(() => process.kill(Number(line.split(' ')[1]), 'SIGKILL'), Math.random() * 600)
      const ended = await Promise.all(machines.map(each => each.ended))
      const spared = ended.filter(({ stderr }) => stderr.includes('not run: '))
      t.equal(spared.length, 1, `${night}: the other machine did not run it`)
      t.match(spared[0], { code: 0 })
      // A minute later, by its own clock.
      t.match(await start().ended, { code: 0, stderr: new RegExp(`not run: .* "${night}"`) })
    }
    t.same(
      begun().map(line => line.split(' ')[0]),
      ['monday', 'tuesday', 'wednesday'],
    )
  },
)

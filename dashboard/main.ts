// The dashboard: once its user may look at the cluster, it asks the view server twice a second and the primary once a
// second, and gives each part of the page its data.

import { AdviceList } from './advice-list.ts'
import type { Cluster, Deadlocks, Hour, Standing, Stats } from './answers.ts'
import { ask, Refused } from './ask.ts'
import { Charts } from './charts.ts'
import { DeadlockList } from './deadlock-list.ts'
import { enter, troubleText } from './door.ts'
import { byId, setText } from './element.ts'
import { Freshness } from './freshness.ts'
import { Glance } from './glance.ts'
import { headlineOf } from './headline.ts'
import { HourCharts, marksOf } from './hour.ts'
import { LocksTable } from './locks-table.ts'
import { Picture } from './picture.ts'
import { Poll } from './poll.ts'
import { RecoveryList } from './recovery-list.ts'
import { ResetButton } from './reset-button.ts'
import { ServersList } from './servers-list.ts'
import { TimeLine } from './time-line.ts'
import { ViewServersList } from './view-servers-list.ts'

const clusterEveryMs = 500
/** One that is away is asked again soon. */
const clusterPauseMaxMs = 1_000
const statsEveryMs = 1_000
/** How soon a change of rights shows. The servers decide about each request by itself. */
const standingEveryMs = 5_000
/** As often as the view server asks for figures. */
const hourEveryMs = 5_000
const deadlocksEveryMs = 5_000

const headline = byId('headline')

// No await outside of a function: bundlers that take this file along read it as a script.
void enter(text => setText(headline, text)).then(show)

function show(given: Standing): void {
  let standing = given
  let cluster: Cluster | null = null
  let hour: Hour | null = null
  const seen = () => ({ cluster, hour, standing })

  const again = () => polled.now()
  const picture = new Picture()
  const parts = [new TimeLine(), new AdviceList(), new RecoveryList(), new ViewServersList()] as const
  const [timeLine, advice, recovery, viewServers] = parts
  const servers = new ServersList(again)
  const reset = new ResetButton(seen, again)
  const glance = new Glance()
  const freshness = new Freshness()
  const charts = new Charts()
  const hours = new HourCharts()
  const deadlocks = new DeadlockList()

  const polled = new Poll(
    clusterEveryMs,
    async () => {
      let trouble: string | null = null
      try {
        cluster = await ask<Cluster>('/cluster')
        picture.show(cluster)
        servers.show(cluster, standing)
        viewServers.show(cluster)
        recovery.show(cluster.status)
        advice.show(cluster.advice)
        setText(byId('moves'), movesSentence(cluster.moves))
        reset.show()
        timeLine.show(cluster.views, cluster.status.groups.length > 1)
      } catch (error) {
        // The log-in has ended, or was ended: nothing of it stays on the page.
        if (error instanceof Refused && error.status === 401) return location.reload()
        trouble = troubleText(error)
      }
      const { tone, text } = headlineOf(cluster, trouble)
      headline.dataset.tone = tone
      document.body.classList.toggle('stale', trouble !== null)
      setText(headline, text)
      document.title = tone === 'well' ? 'Holdfast' : `Holdfast: ${text.split(/[:.]/)[0]}`
      freshness.note(trouble === null)
    },
    { pauseMaxMs: clusterPauseMaxMs },
  )

  new Poll(statsEveryMs, async () => {
    const stats = await ask<Stats>('/stats').catch(() => null)
    const of = countedBy(cluster, stats)
    charts.add(stats, of, marksOf(cluster?.views ?? [], Date.now()))
    glance.show(stats, of)
  })
  new Poll(hourEveryMs, async () => {
    hour = await ask<Hour>('/hour').catch(() => hour)
    if (hour !== null) hours.show(hour, cluster?.views ?? [])
  })
  new Poll(deadlocksEveryMs, async () => {
    deadlocks.show(await ask<Deadlocks>('/deadlocks').catch(() => null))
  })
  new Poll(standingEveryMs, async () => {
    standing = await ask<Standing>('/session').catch(() => standing)
  })
  new LocksTable(seen)
}

/** G8 */
function movesSentence(moves: readonly string[]): string {
  return moves.map(text => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`).join(' ')
}

/** Whose counts these are: those of other primaries, or without one of them, can't be compared with them. */
function countedBy(cluster: Cluster | null, stats: Stats | null): string {
  const primaries = cluster?.status.groups.map(({ view }) => view?.primary.id ?? '') ?? []
  return [...primaries, ...(stats?.missing ?? [])].join(' ')
}

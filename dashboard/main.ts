// The dashboard: asks the view server twice a second and the primary once a second, and gives each part of
// the page its data.

import type { Cluster, Stats } from './answers.ts'
import { ask } from './ask.ts'
import { Charts } from './charts.ts'
import { byId, setText } from './element.ts'
import { headlineOf } from './headline.ts'
import { LocksTable } from './locks-table.ts'
import { Picture } from './picture.ts'
import { Poll } from './poll.ts'
import { RecoveryList } from './recovery-list.ts'
import { ServersList } from './servers-list.ts'
import { TimeLine } from './time-line.ts'
import { lengthOf } from './words.ts'

const clusterEveryMs = 500
const statsEveryMs = 1_000

const headline = byId('headline')
const freshness = byId('freshness')
const picture = new Picture()
const timeLine = new TimeLine()
const charts = new Charts()
const servers = new ServersList(() => polled.now())
const recovery = new RecoveryList()

let cluster: Cluster | null = null
let answeredAt: number | null = null

const polled = new Poll(clusterEveryMs, async () => {
  let trouble: string | null = null
  try {
    cluster = await ask<Cluster>('/cluster')
    answeredAt = performance.now()
    picture.show(cluster)
    servers.show(cluster)
    recovery.show(cluster.status)
    timeLine.show(cluster.views)
  } catch (error) {
    trouble = (error as Error).message
  }
  const { tone, text } = headlineOf(cluster, trouble)
  headline.dataset.tone = tone
  document.body.classList.toggle('stale', trouble !== null)
  setText(headline, text)
  document.title = tone === 'well' ? 'Holdfast' : `Holdfast: ${text.split(':')[0]}`
  const since = answeredAt === null ? null : lengthOf(performance.now() - answeredAt)
  setText(freshness, trouble === null ? 'live' : since === null ? '' : `last answer ${since} ago`)
})

new Poll(statsEveryMs, async () => {
  const stats = await ask<Stats>('/stats').catch(() => null)
  charts.add(stats, cluster?.status.view?.primary.id ?? '')
})
new LocksTable()

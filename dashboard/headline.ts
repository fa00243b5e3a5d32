// The one sentence that an operator called at night needs. It decides only what to say.

import type { Cluster, Status } from './answers.ts'

/** A browser says no more than that nothing came. */
export const noAnswer = 'The view server does not answer'

export type Tone = 'well' | 'care' | 'bad'

export interface Headline {
  readonly tone: Tone
  readonly text: string
}

/** `trouble`: why the view server gave no answer, as a sentence; null if it answered. */
export function headlineOf(cluster: Cluster | null, trouble: string | null): Headline {
  if (trouble !== null) return { tone: 'bad', text: awayText(cluster, trouble) }
  if (cluster === null) return { tone: 'care', text: 'Asking the view server …' }
  const { status, unready } = cluster
  const { halted, groups } = status
  if (groups.some(({ recovery }) => recovery !== null) && halted !== null)
    return { tone: 'bad', text: `Waiting for disks: ${halted}` }
  if (halted !== null) return { tone: 'bad', text: `Halted: ${halted}` }
  if (unready !== null || status.view === null)
    return { tone: 'bad', text: `No service: ${unready ?? 'no view'}` }
  if (groups.length > 1) return ofAll(status)
  return ofOne(status, `view ${status.view.number}`)
}

/** F9: what was last seen says what goes on without it. */
function awayText(cluster: Cluster | null, trouble: string): string {
  if (cluster === null) return `${trouble}.`
  const goesOn =
    trouble === noAnswer && cluster.unready === null && cluster.status.halted === null
      ? ' Locks go on being granted, but if a primary dies no other server takes its place: start the view server again on its record.'
      : ''
  return `${trouble}.${goesOn} Below is what was last seen.`
}

/** G1: the worst of them; each group is shown by itself below. */
function ofAll(status: Status): Headline {
  const { groups, survives } = status
  if (survives > 0)
    return {
      tone: 'well',
      text: `Healthy: each of ${groups.length} groups survives the loss of one more server`,
    }
  const atRisk = groups.filter(group => group.survives === 0)
  const [first] = atRisk
  if (first === undefined || first.view === null)
    return { tone: 'care', text: 'At risk: a group has no view' }
  const { text } = ofOne({ ...status, ...first }, `view ${first.view.number} of group ${first.group}`)
  const others = atRisk.length - 1
  const more =
    others === 0 ? '' : `; ${others === 1 ? '1 more group is at risk' : `${others} more groups are at risk`}`
  return { tone: 'care', text: `${text}${more}` }
}

/** Of one group; `of`: its view, in words. */
function ofOne({ view, survives, servers, durability }: Status, of: string): Headline {
  if (survives > 0) return { tone: 'well', text: `Healthy: ${of} survives the loss of one more server` }
  if (view?.backup == null)
    return {
      tone: 'care',
      text: `At risk: ${of} has no backup; if its primary dies, ${durability === 'disk' ? 'no lock can be granted until it is back' : 'all its locks are lost'}`,
    }
  const backup = servers.find(({ id }) => id === view.backup?.id)
  if (backup?.alive === false) return { tone: 'care', text: `At risk: the backup of ${of} is silent` }
  return { tone: 'care', text: `At risk: ${of} copies the locks to its backup` }
}

// The one sentence that an operator called at night needs. It decides only what to say.

import type { Cluster } from './answers.ts'

export type Tone = 'well' | 'care' | 'bad'

export interface Headline {
  readonly tone: Tone
  readonly text: string
}

/** `trouble`: why the view server gave no answer, as a sentence; null if it answered. */
export function headlineOf(cluster: Cluster | null, trouble: string | null): Headline {
  if (trouble !== null) return { tone: 'bad', text: `${trouble}. Below is what was last seen.` }
  if (cluster === null) return { tone: 'care', text: 'Asking the view server …' }
  const { status, unready } = cluster
  const { view, halted, survives, servers } = status
  if (status.recovery !== null && halted !== null)
    return { tone: 'bad', text: `Waiting for disks: ${halted}` }
  if (halted !== null) return { tone: 'bad', text: `Halted: ${halted}` }
  if (unready !== null || view === null) return { tone: 'bad', text: `No service: ${unready ?? 'no view'}` }
  if (survives > 0) return { tone: 'well', text: `Well: view ${view.number} survives one more death` }
  if (view.backup === null)
    return {
      tone: 'care',
      text: `At risk: view ${view.number} has no backup; if its primary dies, ${status.durability === 'disk' ? 'no lock can be had until it is back' : 'all locks are lost'}`,
    }
  const backup = servers.find(({ role }) => role === 'backup')
  if (backup?.alive === false)
    return { tone: 'care', text: `At risk: the backup of view ${view.number} is not heard` }
  return { tone: 'care', text: `At risk: view ${view.number} copies the locks to its backup` }
}

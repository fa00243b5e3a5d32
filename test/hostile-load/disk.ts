// A view server with a full disk when it must make a view.

import { pause } from '../fixtures/real-pause.ts'
import type { Outcome, Scenario, Target } from './scenario.ts'

async function nothing({ ready, seconds }: Target): Promise<Outcome> {
  await ready()
  await pause(seconds * 1_000)
  return {}
}

export const diskScenarios: readonly Scenario[] = [
  {
    name: 'a full disk',
    rules: 'B6',
    does: 'the disk of the view record is full; then the primary dies',
    setting: { fullDisk: true },
    death: true,
    short: true,
    attack: nothing,
  },
]

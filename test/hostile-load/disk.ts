// A view server whose disk is full when it must make a view.

import { lastFor } from '../fixtures/last-for.ts'
import type { Outcome, Scenario, Target } from './scenario.ts'

async function nothing({ ready, seconds }: Target): Promise<Outcome> {
  await ready()
  await lastFor(seconds * 1_000)
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

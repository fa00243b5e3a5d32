// All scenarios, in the order of a run; the first is the idle run, for comparison with the others.

import { pause } from '../fixtures/real-pause.ts'
import { crowdScenarios } from './crowds.ts'
import { diskScenarios } from './disk.ts'
import { pageScenarios } from './pages.ts'
import type { Scenario } from './scenario.ts'
import { strangerScenarios } from './strangers.ts'
import { workScenarios } from './work.ts'

const idle: Scenario = {
  name: 'idle',
  rules: '',
  does: 'no attack',
  short: true,
  attack: async ({ seconds }) => {
    await pause(seconds * 1_000)
    return {}
  },
}

export const scenarios: readonly Scenario[] = [
  idle,
  ...pageScenarios,
  ...strangerScenarios,
  ...workScenarios,
  ...crowdScenarios,
  ...diskScenarios,
]

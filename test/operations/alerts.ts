// `npm run check:alerts`: promtool checks the alert rules, runs their unit tests, and lints what real servers
// answer at /metrics. (npm test checks that the metrics in the rules exist.)

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connect } from '../../client/index.ts'
import { startSmallCluster } from '../fixtures/small-cluster.ts'
import { tool } from './tool.ts'

const acts: (() => void | Promise<void>)[] = []
const data = mkdtempSync(join(tmpdir(), 'holdfast-alerts-'))
const run = { teardown: (act: () => void | Promise<void>) => void acts.unshift(act), testdir: () => data }
const fileOf = (name: string) => fileURLToPath(new URL(`../../../deploy/${name}`, import.meta.url))
const promtool = (args: readonly string[], input?: string) => tool('promtool', args, 'prometheus', input)

try {
  console.log(promtool(['check', 'rules', fileOf('alerts.yml')]))
  console.log(promtool(['test', 'rules', fileOf('alerts.test.yml')]))
  const { view, primary, backup } = await startSmallCluster(run)
  const locks = await connect(view.address)
  await locks.request('checked', async () => {})
  await locks.close()
  for (const [name, { address }] of Object.entries({ view, primary, backup })) {
    const text = await (await fetch(`${address.replace('ws', 'http')}/metrics`)).text()
    const said = promtool(['check', 'metrics'], text)
    if (said !== '') throw new Error(said)
    console.log(`metrics of the ${name}: ${text.match(/^# TYPE/gm)?.length} metrics, nothing to complain of`)
  }
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
} finally {
  for (const act of acts) await act()
  rmSync(data, { recursive: true, force: true })
}

// Run inside of a project that has the package installed, by each Node that it is for: imports and requires
// every entry, sees a lock survive its primary, calls the command, and ends by itself.

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { connect, FenceGuard } from 'holdfast'
import { startCluster } from 'holdfast/testing'

const require = createRequire(import.meta.url)
for (const entry of [
  'holdfast',
  'holdfast/cron',
  'holdfast/fencing',
  'holdfast/lockserver',
  'holdfast/testing',
  'holdfast/viewservice',
]) {
  const [required, imported] = [require(entry), await import(entry)]
  assert.deepEqual(Object.keys(required).sort(), Object.keys(imported).sort())
}
assert.equal(require('holdfast').connect, connect, 'one module, required or imported')

const cluster = await startCluster()
const locks = await connect(cluster.url)
const lock = await locks.acquire('orders/42')
new FenceGuard().check(lock)
await cluster.killPrimary()
await locks.request('orders/43', other => assert.ok(other.token > lock.token))
assert.ok(lock.held)
await lock.release()
await locks.close()
await cluster.close()

const command = new URL('./node_modules/holdfast/dist/cli/main.js', import.meta.url).pathname
const version = execFileSync(process.execPath, [command, '--version'], { encoding: 'utf8' }).trim()
console.log(`holdfast ${version} on Node ${process.versions.node}`)

// The programs of the matrix's projects, as their users would write them. Each takes locks of a real cluster, gives them back, closes, says
// `well` and ends by itself.

const body = (take: string) => `
const url = process.env.HOLDFAST_TEST_URL
${take}
async function main() {
  const locks = await connect(url, { timeout: 10_000 })
  const name = 'matrix/' + Math.random()
  const lock = await locks.acquire(name)
  const error = await locks.acquire(name, { timeout: 20 }).catch(error => error)
  if (!(error instanceof LockError) || error.code !== 'TIMEOUT' || !lock.held) throw new Error('not well: ' + error)
  await lock.release()
  if (await locks.request(name, ({ token }) => token <= lock.token)) throw new Error('an old token')
  await locks.close()
}
`

/** Of modules. */
export const useModules = `${body(`import { connect, LockError } from 'holdfast'`)}
await main()
console.log('well')
`

/** Of CommonJS; errors of either form are of the class of the other. */
export const useCommonJs = `${body(`const { connect, LockError } = require('holdfast')`)}
main().then(async () => {
  const modules = await import('holdfast')
  const error = new LockError('CLOSED', true, 'x')
  if (!(error instanceof modules.LockError)) throw new Error('two kinds of LockError')
  console.log('well')
})
`

const cluster = `
async function testing() {
  const cluster = await startCluster()
  const locks = await connect(cluster.url)
  const lock = await locks.acquire('orders/42')
  await cluster.killPrimary()
  if (!lock.held) throw new Error('lost by a failover')
  const page = await fetch(cluster.url.replace('ws:', 'http:') + '/')
  console.log('dashboard ' + page.status + ' ' + (await page.text()).includes('there is no dashboard'))
  await locks.close()
  await cluster.close()
}
`

export const useTesting = `import { connect } from 'holdfast'
import { startCluster } from 'holdfast/testing'
import { startViewServer } from 'holdfast/viewservice'
import { startLockServer } from 'holdfast/lockserver'
import { FenceGuard } from 'holdfast/fencing'
import { cronCoordinator } from 'holdfast/cron'
${cluster}
testing().then(() => {
  if (![startViewServer, startLockServer, FenceGuard, cronCoordinator].every(each => typeof each === 'function')) throw new Error('an entry')
  console.log('well')
})
`

/** For Jest and vitest: real time, whatever is faked. */
export const testWith = (head: string, timers: string) => `${head}
test('fake timers stop neither client nor cluster', async () => {
  ${timers}.useFakeTimers()
  const cluster = await startCluster()
  const locks = await connect(cluster.url)
  const lock = await locks.acquire('a')
  await expect(locks.acquire('a', { timeout: 20 })).rejects.toThrow(LockError)
  ${timers}.advanceTimersByTime(86_400_000)
  expect(lock.held).toBe(true)
  await cluster.killPrimary()
  await lock.release()
  await locks.close()
  await cluster.close()
  ${timers}.useRealTimers()
}, 30_000)
`

export const testInJsdom = `/** @jest-environment jsdom */
const { connect, LockError } = require('holdfast')
test('a page in jsdom', async () => {
  expect(typeof MessageChannel).toBe('undefined')
  const locks = await connect(process.env.HOLDFAST_TEST_URL)
  const lock = await locks.acquire('jsdom')
  await expect(locks.acquire('jsdom', { timeout: 20 })).rejects.toThrow(LockError)
  await lock.release()
  await locks.close()
})
`

/** node-cron on a machine whose clock is wrong by SKEW ms: prints the time of each run. */
export const scheduler = `import { connect } from 'holdfast'
import { cronCoordinator } from 'holdfast/cron'
import cron from 'node-cron'
const locks = await connect(process.env.HOLDFAST_TEST_URL)
cron.setRunCoordinator(cronCoordinator(locks))
const task = cron.schedule('* * * * * *', ({ date }) => console.log(date.toISOString()), { name: process.argv[2], distributed: true })
setTimeout(async () => {
  await task.destroy()
  // Runs that were allowed end first.
  await locks.close({ finishWithin: 5_000 })
}, 8_500)
`

/** Everything that shows the time shows another one. */
export const skew = `const Real = Date
const by = Number(process.env.SKEW)
globalThis.Date = class extends Real {
  constructor(...given) {
    if (given.length === 0) super(Real.now() + by)
    else super(...given)
  }
  static now() {
    return Real.now() + by
  }
}
`

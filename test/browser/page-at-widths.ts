// The dashboard on a phone, a tablet and a desk, light, dark and in forced colours, with long names, a queue, a deadlock and a
// failover: nothing is wider than the screen, and axe finds nothing. With HOLDFAST_TEST_SHOTS=FOLDER it leaves pictures there.

import axe from 'axe-core'
import type { Page } from 'playwright-core'
import t from 'tap'
import { connect } from '../../client/index.ts'
import { startCluster } from '../fixtures/command.ts'
import { launchChromium } from './chromium.ts'

const { url } = await startCluster(t)
const dashboard = `${url.replace(/^ws/, 'http')}/`
const browser = await launchChromium()
t.teardown(() => browser.close())
const { HOLDFAST_TEST_SHOTS: shots } = process.env

const shows = (page: Page, selector: string, text: RegExp) =>
  page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 20_000 })

const long = 'a-very-long-name/without-any-end/'.repeat(10)
const clients = await Promise.all(
  ['billing-7f9c on node-12', 'b', `${'service-with-a-long-name-'.repeat(7)}x`].map(name =>
    connect(url, { name }),
  ),
)
const [billing, other, wordy] = clients
if (!billing || !other || !wordy) throw new Error('three clients')
t.teardown(() => Promise.all(clients.map(client => client.close())))
await billing.acquire('orders/42', { note: 'order 42, request 7f3' })
await wordy.acquire(long)
await billing.acquire('shared', { mode: 'shared' })
await other.acquire('shared', { mode: 'shared' })
await other.acquire('y')
for (const [client, name] of [
  [billing, 'y'],
  [other, 'orders/42'],
  [wordy, 'orders/42'],
] as const)
  void client.acquire(name).catch(() => {})

interface Finding {
  readonly id: string
  readonly help: string
  readonly nodes: readonly { readonly html: string }[]
}

/** What axe finds, in a line each. Run by the debugger, so that the page's policy stays as it is. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const found = await page.evaluate<Finding[]>('axe.run(document).then(({ violations }) => violations)')
  return found.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`)
}

async function wide(page: Page): Promise<number> {
  return await page.evaluate<number>('document.documentElement.scrollWidth')
}

async function shot(page: Page, name: string): Promise<void> {
  if (shots !== undefined) await page.screenshot({ fullPage: true, path: `${shots}/${name}.png` })
}

/** Once it shows everything. */
async function settled(page: Page): Promise<void> {
  await shows(page, '#headline', /^Healthy/)
  await shows(page, '#picture svg', /Primary.*serves/)
  await page.locator('#locks-section').scrollIntoViewIfNeeded()
  await shows(page, '#locks tr', /orders\/42/)
  await shows(page, '#deadlocks', /billing/)
  await page.getByRole('button', { name: 'orders/42' }).click()
  await shows(page, '#locks .details', /order 42, request 7f3/)
}

const looks = [
  { name: 'light', colorScheme: 'light', forcedColors: 'none' },
  { name: 'dark', colorScheme: 'dark', forcedColors: 'none' },
  { name: 'forced', colorScheme: 'dark', forcedColors: 'active' },
] as const

t.test('a failover, so that there is one to be seen', async () => {
  const page = await browser.newPage()
  await page.goto(dashboard)
  await page.getByRole('button', { name: /^Kill primary/ }).click()
  await shows(page, '#views .promotion', /Primary lost, backup promoted: its process had ended.*gap/)
  await shows(page, '#headline', /^Healthy/)
  await page.close()
})

for (const width of [390, 820, 1_440])
  for (const { name, ...look } of looks)
    t.test(`${width} px, ${name}: nothing is wider than that, and axe finds nothing`, async t => {
      const page = await browser.newPage({ viewport: { width, height: 900 }, ...look })
      await page.goto(dashboard)
      await settled(page)
      const found = await wide(page)
      t.ok(found <= width, `${found} px wide`)
      t.same(await findings(page), [])
      const row = await page
        .locator('#locks tr')
        .filter({ hasText: 'a-very-long-name' })
        .first()
        .boundingBox()
      t.ok((row?.height ?? 999) < (width < 700 ? 200 : 70), `a long name takes ${row?.height} px`)
      await shot(page, `${width}-${name}`)
      await page.getByRole('button', { name: /^Relieve primary/ }).click()
      await page.getByRole('dialog').waitFor()
      t.same(await findings(page), [], 'nor in its dialog')
      await shot(page, `${width}-${name}-dialog`)
      await page.close()
    })

t.test('the last hour is there when the page is opened, with a mark for the failover', async t => {
  const page = await browser.newPage()
  await page.goto(dashboard)
  await shows(page, '#hour', /operations[\d,]+\/s, at most [\d,]+\/s/)
  await shows(page, '#hour', /locks held5, at most 5/)
  await shows(page, '#hour', /waiting3, at most 3/)
  await shows(page, '#hour .losses', /primary, its process had ended; gap [\d.]+ (ms|s)/)
  await shows(page, '#view-servers', /active.*\d+\.\d+\.\d+.*up/)
  await shows(page, '#servers', /\d+\.\d+\.\d+ · up/)
  t.equal(await page.locator('#no-hour').isVisible(), false)
  await page.close()
})

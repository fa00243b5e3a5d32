// What an operator does from the dashboard: ends one hold, named by its token, lets a server leave, starts an empty state. Each
// asks once more, and says what would be lost; what is not true any more is not done.

import { once } from 'node:events'
import type { Page } from 'playwright-core'
import t from 'tap'
import { connect } from '../../client/index.ts'
import { startCluster } from '../fixtures/command.ts'
import { here, ServerProcesses } from '../fixtures/server-processes.ts'
import { launchChromium, openPage } from './chromium.ts'

const { url } = await startCluster(t)
const dashboard = `${url.replace(/^ws/, 'http')}/`
const browser = await launchChromium()
t.teardown(() => browser.close())

const shows = (page: Page, selector: string, text: RegExp) =>
  page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 20_000 })

async function open(at = dashboard) {
  const { page, trouble } = await openPage(browser, at)
  const isNetwork = (text: string) =>
    /^Failed to load resource: the server responded with a status of/.test(text)
  return { page, troubles: () => trouble.filter(text => !isNetwork(text)) }
}

/** The dialog, once the button was pressed. */
async function press(page: Page, name: RegExp | string) {
  await page.getByRole('button', { name }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  return { dialog, text: await dialog.innerText() }
}

t.test('C8: one hold is ended by its token; its client is told, and the next gets the lock', async t => {
  const holder = await connect(url, { name: 'billing' })
  const waiter = await connect(url, { name: 'reports' })
  const lock = await holder.acquire('orders/42', { note: 'charge the card' })
  const next = waiter.acquire('orders/42')
  const { page, troubles } = await open()
  await page.locator('#locks-section').scrollIntoViewIfNeeded()
  await page.getByRole('button', { name: 'orders/42' }).click()
  await shows(page, '#locks .details', /reports .* waits/)
  const { text } = await press(page, 'End this hold …')
  for (const part of [
    '"orders/42"',
    `token ${lock.token}`,
    'billing',
    'charge the card',
    'the next is reports',
  ])
    t.ok(text.includes(part), `it names ${part}`)
  t.equal(await page.evaluate('document.activeElement.id'), 'sure-no', 'the safe answer has the focus')
  await page.keyboard.press('Escape')
  t.equal(lock.held, true, 'it was not meant')

  const lost = once(lock.signal, 'abort')
  const { dialog } = await press(page, 'End this hold …')
  await dialog.getByRole('button', { name: `End token ${lock.token}` }).click()
  await shows(page, '#locks-said', new RegExp(`^Ended: "orders/42", token ${lock.token}\\.$`))
  await lost
  t.match(lock.signal.reason, { code: 'FORCED' })

  // By the time that it is confirmed, another one holds it.
  const successor = await next
  const third = holder.acquire('orders/42')
  await shows(page, '#locks .details', /held by reports/)
  const late = await press(page, 'End this hold …')
  await successor.release()
  const healthy = await third
  await late.dialog.getByRole('button', { name: `End token ${successor.token}` }).click()
  await shows(page, '#locks-said', /nothing was done: token \d+ does not hold "orders\/42" any more$/)
  t.equal(healthy.held, true)
  t.same(troubles(), [])
  await page.close()
  await Promise.all([holder.close(), waiter.close()])
})

t.test('a deadlock is on the page, until it is over', async t => {
  const [a, b] = [await connect(url, { name: 'a' }), await connect(url, { name: 'b' })]
  await a.acquire('x')
  await b.acquire('y')
  const { page, troubles } = await open()
  await shows(page, '#headline', /^Healthy/)
  t.equal(await page.locator('#deadlocks-section').isVisible(), false)
  const controller = new AbortController()
  const waits = [a.acquire('y', { signal: controller.signal }), b.acquire('x')].map(each =>
    each.catch(() => {}),
  )
  await shows(page, '#deadlocks', /a holds "x" and waits for "y"/)
  await shows(page, '#deadlocks', /b holds "y" and waits for "x"/)
  controller.abort()
  await page.locator('#deadlocks-section').waitFor({ state: 'hidden', timeout: 20_000 })
  t.same(troubles(), [])
  await page.close()
  await a.close()
  await Promise.all(waits)
  await b.close()
})

t.test('a primary is relieved: no lock is lost, and the views say why', async t => {
  const client = await connect(url, { name: 'keeper' })
  const lock = await client.acquire('kept')
  const { page, troubles } = await open()
  await shows(page, '#headline', /^Healthy/)
  const { dialog, text } = await press(page, /^Relieve primary/)
  t.match(text, /hands its role to its backup.*No lock is lost/s)
  await dialog.getByRole('button', { name: 'Relieve', exact: true }).click()
  await shows(page, '#did', /^Relieved primary .*: it leaves/)
  await shows(page, '#views .promotion', /Primary lost, backup promoted: it left in order/)
  await shows(page, '#hour .losses', /primary, it left in order; gap/)
  t.equal(lock.held, true)
  t.same(troubles(), [])
  await page.close()
  await client.close()
})

t.test('F14: a state that is lost is given up from the page, once it is confirmed', async t => {
  const cluster = new ServerProcesses(here, ['--dead-pings', '20'])
  t.teardown(() => cluster.end())
  await cluster.start([])
  const address = await cluster.addServer()
  await cluster.until(({ acked }) => acked, 'in force')
  const client = await connect(cluster.viewUrl, { name: 'holder' })
  await client.acquire('gone')
  const { page, troubles } = await open(`${cluster.viewUrl.replace('ws:', 'http:')}/`)
  await shows(page, '#headline', /^At risk: view 1 has no backup/)
  t.equal(await page.getByRole('button', { name: /empty state/ }).count(), 0, 'there is a state')
  await cluster.kill(address)
  await cluster.addServer()
  await shows(page, '#headline', /^Halted: the primary at ws:/)
  await shows(page, '#advice', /bring its machine back as it is.*holdfast reset --yes/s)
  const { dialog, text } = await press(page, /^Start an empty state/)
  t.match(text, /View 1 ends.*given up.*until every lease.*may still be alive/s)
  await dialog.getByRole('button', { name: 'Give up all locks' }).click()
  await shows(page, '#reset-said', /^view 2 begins with an empty state/)
  await shows(page, '#views', /Reset to an empty state/)
  t.same(troubles(), [])
  await page.close()
  await client.close()
})

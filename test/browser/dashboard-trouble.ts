// The dashboard on a bad day: the view server is not there, and a new backup has much to copy.

import type { Page } from 'playwright-core'
import t from 'tap'
import { connect } from '../../client/index.ts'
import { freePort, here, ServerProcesses } from '../fixtures/server-processes.ts'
import { SlowLink } from '../fixtures/slow-link.ts'
import { launchChromium, openPage } from './chromium.ts'

const browser = await launchChromium()
t.teardown(() => browser.close())

const shows = (page: Page, selector: string, text: RegExp) =>
  page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 60_000 })

/** A busy machine must not make a server look dead. */
const patient = ['--dead-pings', '30']

t.test('the view server is away: the page says so, and goes on by itself once it is back', async t => {
  const cluster = new ServerProcesses(here, patient)
  t.teardown(() => cluster.end())
  await cluster.start([here, here])
  const { page, trouble } = await openPage(browser, `${cluster.viewUrl.replace('ws:', 'http:')}/`)
  await shows(page, '#headline', /^Healthy: view \d+ survives the loss of one more server/)
  await shows(page, '#freshness', /^live$/)

  await cluster.killViewServer()
  await shows(
    page,
    '#headline',
    /^The view server does not answer\. Locks go on being granted, but .*Below is what was last seen/,
  )
  await shows(page, '#freshness', /^last answer .* ago$/)
  await page.locator('#locks-section').scrollIntoViewIfNeeded() // it asks only for what is visible
  await shows(page, '#locks-caption', /^The locks can't be listed/)
  await shows(page, '#picture svg', /Primary.*Backup/)
  t.match(await page.title(), /^Holdfast: The view server does not answer$/)
  t.match(await page.getAttribute('body', 'class'), /stale/)

  await cluster.startViewServer()
  await shows(page, '#headline', /^Healthy: view \d+ survives the loss of one more server/)
  await shows(page, '#freshness', /^live$/)
  await shows(page, '#locks-caption', /^No lock is held or waited for/)
  t.equal(await page.locator('#locks-table thead').isVisible(), false, 'no headings of nothing')
  t.equal(await page.locator('#pager').isVisible(), false)
  await page.locator('#no-views:visible, #views li').first().waitFor()
  t.equal(await page.title(), 'Holdfast')
  t.notMatch(await page.getAttribute('body', 'class'), /stale/)
  // Chromium logs by itself that no server answered.
  t.same(
    trouble.filter(text => !/^Failed to load resource: /.test(text)),
    [],
  )
  await page.close()
})

t.test('a joining backup: how much of a large state it has', async t => {
  const cluster = new ServerProcesses(here, patient)
  t.teardown(() => cluster.end())
  await cluster.start([])
  await cluster.addServer()
  await cluster.until(({ acked }) => acked, 'in force')
  const client = await connect(cluster.viewUrl, { name: 'holder', ttl: 60_000 })
  const names = Array.from({ length: 50_000 }, (_, i) => `jobs/${String(i).padStart(6, '0')}`)
  for (let i = 0; i < names.length; i += 64) await client.acquireAll(names.slice(i, i + 64))

  const { page, trouble } = await openPage(browser, `${cluster.viewUrl.replace('ws:', 'http:')}/`)
  await shows(page, '#headline', /^At risk: view 1 has no backup/)
  await shows(
    page,
    '#advice',
    /^No backup: .*If the primary dies now, all locks are lost\. Start a lock server; it is taken by itself\.$/,
  )
  const port = await freePort()
  await using link = await SlowLink.start(port, 1_000_000)
  // Each distinct text once, in order.
  await page.evaluate(`seen = []
    new MutationObserver(() => {
      const state = document.querySelector('#servers .backup .state')?.textContent
      if (state !== undefined && seen.at(-1) !== state) seen.push(state)
    }).observe(document.querySelector('#servers'), { subtree: true, childList: true, characterData: true })`)
  await cluster.addServer({ ...here, port, advertise: link.url })
  await shows(page, '#picture svg .backup', /copied [1-9]\d? %/)
  const part = await page.locator('#picture svg .backup .part').getAttribute('width')
  t.ok(Number(part) > 0, `the bar is ${part} px long`)
  await shows(page, '#headline', /^At risk: view 2 copies the locks to its backup/)
  await shows(page, '#picture svg .backup', /in sync/)
  await shows(page, '#headline', /^Healthy: view 2 survives the loss of one more server/)
  const seen = await page.evaluate<string[]>('seen')
  t.comment(seen.join(', '))
  const parts = seen.flatMap(state => /^copied (\d+) %$/.exec(state)?.slice(1).map(Number) ?? [])
  t.ok(
    parts.some(percent => percent > 0 && percent < 100),
    'on the way',
  )
  t.same(
    parts,
    [...parts].sort((a, b) => a - b),
    'it only grows',
  )
  t.equal(seen.at(-1), 'in sync')
  t.same(trouble, [])
  await page.close()
  await client.close()
})

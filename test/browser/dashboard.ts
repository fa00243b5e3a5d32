// The dashboard of a local cluster, as a user sees it: what it shows, a primary killed through it, names that
// look like markup, a hundred thousand locks, and the keyboard alone.

import type { Page } from 'playwright-core'
import t from 'tap'
import { connect } from '../../client/index.ts'
import { startCluster } from '../fixtures/command.ts'
import { launchChromium, openPage } from './chromium.ts'

const markup = '<img src=x onerror=alert(1)>'
const locksHeld = 100_000

/** Chromium logs answers with an error status by itself; a dead primary's pages have one. */
const isNetwork = (text: string) =>
  /^Failed to load resource: the server responded with a status of 503/.test(text)

const { url } = await startCluster(t)
const dashboard = `${url.replace(/^ws/, 'http')}/`
const browser = await launchChromium()
t.teardown(() => browser.close())

async function open() {
  const { page, trouble } = await openPage(browser, dashboard)
  page.on('dialog', dialog => {
    trouble.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', request => {
    if (!request.url().startsWith(dashboard)) trouble.push(`a request to elsewhere: ${request.url()}`)
  })
  return { page, troubles: () => trouble.filter(text => !isNetwork(text)) }
}

/** As text: one of the views after this one. A busy machine may have made another in between. */
const after = (view: number) => `View (${Array.from({ length: 9 }, (_, i) => view + 1 + i).join('|')})(?!\\d)`

const shows = (page: Page, selector: string, text: RegExp) =>
  page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 20_000 })

t.test('a primary is killed through the page; the new view and its gap are shown', async t => {
  const client = await connect(url, { name: '<b>billing</b>' })
  const lock = await client.acquire(markup)
  const { page, troubles } = await open()
  await shows(page, '#headline', /^Healthy: view \d+ survives the loss of one more server/)
  await shows(page, '#picture svg', /\d clients?.*Primary.*serves.*Backup.*in sync.*Idle/)
  await shows(page, '#views', /View 2.*Backup added.*View 1.*First view/)
  await shows(page, '#rate .figures', /operations\s*\d+\/s/)
  await shows(page, '#glance', /locks held1.*waiting0.*longest wait–.*clients\d+.*operations\d+\/s/s)
  t.equal(await page.locator('#advice-section').isVisible(), false, 'nothing is to be done')
  await shows(page, '#locks tr', /<img src=x onerror=alert\(1\)>.*<b>billing<\/b>/)
  t.equal(await page.locator('#locks img, #locks b').count(), 0, 'a name is text')
  t.match(await page.locator('#locks tr').first().textContent(), String(lock.token))

  const before = await page.locator('#servers .primary .address').textContent()
  const wellNow = async () => {
    await shows(page, '#headline', /^Healthy: view \d+/)
    return Number(/\d+/.exec((await page.locator('#headline').textContent()) ?? '')?.[0])
  }
  let view = await wellNow()
  await page.getByRole('button', { name: /^Kill primary/ }).click()
  await shows(page, '#did', /^Killed primary/)
  const promotion = new RegExp(`${after(view)}.*Primary lost, backup promoted.*gap [\\d.]+ (ms|s)`)
  await shows(page, '#views .promotion', promotion)
  await shows(page, '#headline', new RegExp(`^Healthy: ${after(view)}`, 'i'))
  t.not(await page.locator('#servers .primary .address').textContent(), before)
  t.comment(await page.locator('#views .promotion').first().innerText())
  await shows(page, '#locks tr', /<img src=x/)
  t.equal(lock.held, true)

  view = await wellNow()
  await page.getByRole('button', { name: /^Freeze 3 s: backup/ }).click()
  await shows(page, '#did', /^Froze backup .* for 3 s/)
  await shows(page, '#views li', new RegExp(`${after(view)}.*Backup lost`))
  await shows(page, '#headline', new RegExp(`^Healthy: ${after(view)}`, 'i'))
  t.same(troubles(), [], 'no error, nothing that the policy refused, no request to elsewhere')
  await page.close()
  await client.close()
})

t.test('by keys alone: a lock is found, opened and sorted', async t => {
  const client = await connect(url, { name: 'holder' })
  const waiter = await connect(url, { name: 'waiter' })
  for (const name of ['alpha', 'beta', 'gamma']) await client.acquire(name)
  const controller = new AbortController()
  const waits = waiter.acquire('gamma', { signal: controller.signal }).catch(() => {})
  const { page, troubles } = await open()
  await shows(page, '#locks tr', /alpha/)
  const focused = () =>
    page.evaluate<string>('document.activeElement.id || document.activeElement.textContent')
  const tabTo = async (wanted: string) => {
    for (let i = 0; i < 60 && (await focused()) !== wanted; i++) await page.keyboard.press('Tab')
    t.equal(await focused(), wanted, `the tabulator comes to ${wanted}`)
  }
  await tabTo('prefix')
  await page.keyboard.type('be')
  await shows(page, '#locks-caption', /^1 of 3 locks/)
  await tabTo('beta')
  await page.keyboard.press('Enter')
  await shows(page, '#locks .details', /held by holder \([0-9a-f]{8}\), exclusive, token \d+/)
  await page.locator('#prefix').fill('')
  await page.locator('#sort input[value=name]').focus()
  await page.keyboard.press('ArrowRight')
  await page.locator('#locks tr:first-child.contended').filter({ hasText: 'gamma' }).waitFor()
  t.equal(await page.locator('#sort input:checked').getAttribute('value'), 'wait')
  t.same(troubles(), [])
  controller.abort()
  await waits
  await page.close()
  await Promise.all([client.close(), waiter.close()])
})

t.test('a hundred thousand locks, searched without a stutter', async t => {
  const client = await connect(url, { name: 'holder', ttl: 60_000 })
  const names = Array.from({ length: locksHeld }, (_, i) => `jobs/${String(i).padStart(6, '0')}`)
  for (let i = 0; i < locksHeld; i += 4_096) {
    const some = names.slice(i, i + 4_096)
    const groups = Array.from({ length: Math.ceil(some.length / 64) }, (_, j) =>
      some.slice(64 * j, 64 * j + 64),
    )
    await Promise.all(groups.map(group => client.acquireAll(group)))
  }
  const { page, troubles } = await open()
  await shows(page, '#locks-caption', /^100,000 locks/)
  await page.evaluate(`longestMs = 0
    new PerformanceObserver(list => {
      for (const { duration } of list.getEntries()) longestMs = Math.max(longestMs, duration)
    }).observe({ type: 'longtask' })`)
  await page.locator('#prefix').pressSequentially('jobs/09999')
  await shows(page, '#locks-caption', /^10 of 100,000 locks/)
  t.equal(await page.locator('#locks tr').count(), 10)
  await page.locator('#prefix').fill('jobs/')
  await page.locator('#sort label').filter({ hasText: 'held longest' }).click()
  await shows(page, '#page', /^1–25 of 100,000/)
  await page.getByRole('button', { name: 'Next' }).click()
  await shows(page, '#page', /^26–50 of 100,000/)
  const longest = await page.evaluate<number>('longestMs')
  t.comment(`longest task of the page with ${locksHeld} locks: ${longest === 0 ? 'below 50' : longest} ms`)
  t.ok(longest < 1_000, 'the page is never still for a second')
  t.same(troubles(), [])
  await page.close()
  await client.close()
})

t.test('a phone in the dark: one column, nothing wider than the screen', async t => {
  const page = await browser.newPage({ viewport: { width: 390, height: 844 }, colorScheme: 'dark' })
  await page.goto(dashboard)
  await shows(page, '#headline', /^Healthy/)
  await shows(page, '#picture svg', /Primary/)
  const scrollWidth = await page.evaluate<number>('document.documentElement.scrollWidth')
  const back = await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
  t.ok(scrollWidth <= 390, `${scrollWidth} px wide`)
  t.equal(back, 'rgb(15, 19, 24)')
  await page.close()
})

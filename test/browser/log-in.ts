// The dashboard of a cluster with rules, as its users see it: a form, what a principal may read, buttons only for an operator,
// the way out, and a log-in that ends while the page is open. Nothing of a log-in stays on the page.

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { connect } from '../../client/index.ts'
import { startLockServer } from '../../lockserver/index.ts'
import { startBegun } from '../fixtures/begun.ts'
import { until } from '../fixtures/deadline.ts'
import { launchChromium, openPage } from './chromium.ts'

const hash = (token: string) => createHash('sha256').update(token).digest('hex')
const tokens = { billing: 'the token of billing – größer', anna: 'the token of anna, who operates' }
const rules = {
  billing: [{ prefix: 'orders/', verbs: ['acquire', 'read'] }],
  anna: [{ verbs: ['operate'] }, { prefix: '', verbs: ['acquire', 'read'] }],
}
type Who = keyof typeof tokens

const folder = mkdtempSync(join(tmpdir(), 'holdfast-log-in-'))
const settings = {
  pingIntervalMs: 50,
  deadPings: 40,
  serverSecret: 'what only servers know',
  access: join(folder, 'access.json'),
}
function write(who: readonly Who[]): void {
  const principals = who.map(name => [name, { tokens: [hash(tokens[name])], rules: rules[name] }])
  writeFileSync(settings.access, JSON.stringify({ format: 1, principals: Object.fromEntries(principals) }))
}
write(['billing', 'anna'])
const view = await startBegun({ ...settings, port: 0, data: join(folder, 'data'), play: true })
const servers = [
  await startLockServer({ ...settings, view: view.address }),
  await startLockServer({ ...settings, view: view.address }),
]
const browser = await launchChromium()
t.teardown(async () => {
  await browser.close()
  for (const server of servers) await server.kill()
  await view.kill()
  rmSync(folder, { recursive: true })
})
await until('there is a backup in sync', () => (view.status().survives > 0 ? true : undefined))
const client = await connect(view.address, { token: tokens.anna, name: 'of anna' })
await client.acquire('orders/42')
await client.acquire('secret/plans')
t.teardown(() => client.close())

const shows = (page: Page, selector: string, text: RegExp) =>
  page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 20_000 })

/** Chromium logs by itself that a request was refused. */
const isNetwork = (text: string) =>
  /^Failed to load resource: the server responded with a status of/.test(text)

async function open() {
  const { page, trouble } = await openPage(browser, `${view.pages}/`)
  await page.locator('#door').waitFor()
  return { page, troubles: () => trouble.filter(text => !isNetwork(text)) }
}

async function enter(page: Page, who: Who): Promise<void> {
  await page.getByLabel('Access token').fill(tokens[who])
  await page.getByRole('button', { name: 'Log in' }).click()
  await shows(page, '#who-name', new RegExp(`^${who}$`))
}

t.test('A9: a form by keys alone, a wrong token, and what a principal may read', async t => {
  const { page, troubles } = await open()
  t.equal(await page.evaluate('document.activeElement.id'), 'proof', 'the field has the focus')
  t.equal(await page.locator('#all').isVisible(), false)
  await page.keyboard.type('no token of this cluster')
  await page.keyboard.press('Enter')
  await shows(page, '#door-said', /^This is not the secret of the cluster, and no token of it\.$/)
  t.equal(await page.evaluate('document.activeElement.id'), 'proof', 'and keeps it')
  await page.keyboard.type(tokens.billing)
  await page.keyboard.press('Enter')
  await shows(page, '#who-name', /^billing$/)
  await shows(page, '#headline', /survives the loss of one more server/)
  await shows(page, '#locks tr', /orders\/42/)
  await shows(
    page,
    '#locks-caption',
    /^1 lock held or waited for\. You may read only names that begin with "orders\/"; there may be others\.$/,
  )
  t.equal(await page.locator('#door').isVisible(), false)
  const html = await page.content()
  t.notMatch(html, /secret\/plans/, 'no name that may not be read')
  t.equal(
    await page.getByRole('button', { name: /Kill|Freeze|Relieve|End this hold/ }).count(),
    0,
    'no button that may not be pressed',
  )
  for (const place of [
    html,
    page.url(),
    await page.evaluate<string>('document.cookie + JSON.stringify([localStorage, sessionStorage])'),
  ])
    t.notOk(place.includes(tokens.billing), 'the token is in no place that stays')
  t.equal(await page.evaluate('document.cookie'), '', 'no script sees the cookie')
  t.same(troubles(), [])
  await page.close()
})

t.test('A9: an operator has buttons; a log-out leaves nothing on the page', async t => {
  const { page, troubles } = await open()
  await enter(page, 'anna')
  await shows(page, '#locks tr', /secret\/plans/)
  await page.getByRole('button', { name: /^Kill backup/ }).waitFor()
  await page.getByRole('button', { name: /^Relieve primary/ }).waitFor()
  await page.reload()
  await shows(page, '#who-name', /^anna$/)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.locator('#door').waitFor()
  t.notMatch(await page.content(), /secret\/plans|anna/)
  await page.reload()
  await page.locator('#door').waitFor()
  await enter(page, 'anna')
  await page.getByRole('button', { name: /^Kill backup/ }).click()
  await shows(page, '#did', /^Killed backup/)
  await shows(page, '#headline', /has no backup/)
  t.same(troubles(), [])
  await page.close()
})

t.test('A9, A3: a token that is taken away ends the log-in of an open page', async t => {
  const { page, troubles } = await open()
  await enter(page, 'billing')
  await shows(page, '#locks tr', /orders\/42/)
  write(['anna'])
  for (const server of [view, ...servers]) await server.readAgain()
  await page.locator('#door').waitFor()
  t.notMatch(await page.content(), /orders\/42|billing/)
  t.same(troubles(), [])
  await page.close()
})

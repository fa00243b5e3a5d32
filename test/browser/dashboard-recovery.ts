// The dashboard of a durable cluster whose machines are all gone, as whoever is called at night sees it: what it waits for,
// whose journal is here, what a reset would give up; and that all of that goes once the state is back.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { connect } from '../../client/index.ts'
import { type LockServer, startLockServer } from '../../lockserver/index.ts'
import { startBegun } from '../fixtures/begun.ts'
import { until } from '../fixtures/deadline.ts'
import { launchChromium, openPage } from './chromium.ts'

const shows = (page: Page, selector: string, text: RegExp) =>
  page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 20_000 })

t.test('D4: a halted durable cluster: what it waits for is on the page', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-recovery-'))
  const pings = { pingIntervalMs: 50, deadPings: 20 }
  const data = join(folder, 'view')
  const view = await startBegun({ ...pings, port: 0, data, durability: 'disk', recoveryPatienceMs: 600_000 })
  const start = (name: string, port = 0) =>
    startLockServer({ ...pings, view: view.address, port, data: join(folder, name) })
  const servers: LockServer[] = [await start('one'), await start('two')]
  const browser = await launchChromium()
  t.teardown(async () => {
    await browser.close()
    for (const server of servers) await server.kill()
    await view.kill()
    rmSync(folder, { recursive: true })
  })
  const inForce = await until('there is a backup in sync', () =>
    view.status().survives > 0 ? view.status().view : undefined,
  )
  const client = await connect(view.address, { ttl: 60_000 })
  t.teardown(() => client.close())
  const lock = await client.acquire('kept')
  const { page, trouble } = await openPage(browser, `${view.pages}/`)
  await shows(page, '#headline', /survives the loss of one more server/)
  t.equal(await page.locator('#recovery li').count(), 0)

  for (const server of servers) await server.kill()
  await shows(page, '#headline', /^Waiting for disks: /)
  for (const { address } of servers)
    await shows(page, '#recovery li', new RegExp(`^Waited for: ${address.slice('ws://'.length)}`))
  await shows(page, '#recovery li', /^A reset now: .*/)

  const ports = servers.map(({ address }) => Number(new URL(address).port))
  const second = servers.findIndex(({ address }) => address === inForce?.backup?.address)
  const [back = 'one', away = 'two'] = second === 0 ? ['one', 'two'] : ['two', 'one']
  servers.push(await start(back, ports[second]))
  await shows(
    page,
    '#recovery li',
    new RegExp(`^Here: 127.0.0.1:${ports[second]}, view 2, operation [\\d,]+; `),
  )
  await shows(
    page,
    '#recovery li',
    new RegExp(`^Waited for: 127.0.0.1:${ports[1 - second]}, at most \\d+ min more`),
  )
  t.match(await page.title(), /^Holdfast: Waiting for disks/)
  t.comment((await page.locator('#recovery li').allInnerTexts()).join('\n'))

  servers.push(await start(away, ports[1 - second]))
  await shows(page, '#headline', /survives the loss of one more server/)
  await shows(page, '#views', /State recovered from disks/)
  t.equal(await page.locator('#recovery li').count(), 0, 'nothing is waited for any more')
  await page.locator('#locks-section').scrollIntoViewIfNeeded() // it asks only for what is visible
  await shows(page, '#locks tr', /kept/)
  t.match(await page.locator('#locks tr').first().textContent(), String(lock.token))
  const isNetwork = (text: string) =>
    /^Failed to load resource: the server responded with a status of 503/.test(text)
  t.same(
    trouble.filter(text => !isNetwork(text)),
    [],
  )
  await page.close()
})

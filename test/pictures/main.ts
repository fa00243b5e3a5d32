// npm run pictures: the pictures of README, made from a real cluster: its terminal while the primary is killed, and
// its page. Needs script(1) and Chromium.

import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import headless from '@xterm/headless'
import type { Page } from 'playwright-core'
import { connect, type LockClient } from '../../client/index.ts'
import { launchChromium } from '../browser/chromium.ts'
import { until } from '../fixtures/deadline.ts'
import { inShell } from '../fixtures/terminal.ts'
import { terminalSvg } from './terminal-svg.ts'

const [cols, rows] = [118, 22]
/** How long the page draws before its picture is taken. */
const drawnMs = 30_000
const folder = new URL('../../../docs/pictures/', import.meta.url)

const screen = new headless.Terminal({ cols, rows, allowProposedApi: true, scrollback: 0 })
const line = `stty cols ${cols} rows ${rows}; exec ${inShell('cluster', '--port', '0')}`
const cluster = spawn('script', ['-qec', line, '/dev/null'], {
  env: { ...process.env, SHELL: '/bin/sh', TERM: 'xterm-256color' },
})
cluster.stdout.on('data', data => screen.write(data))
const browser = await launchChromium()

try {
  mkdirSync(folder, { recursive: true })
  await shows(/survives 1 more death[\s\S]*idle +alive/)
  const [url = ''] = /ws:\/\/127\.0\.0\.1:\d+/.exec(text()) ?? []
  await using client = await connect(url, { name: 'billing' })
  await using other = await connect(url, { name: 'reports' })
  await client.acquire('orders/42', { note: 'charge' })
  await client.acquire('imports', { permits: { of: 5, take: 2 } })
  await other.acquire('nightly')
  void other.acquire('orders/42').catch(() => {})
  await shows(/3 held · 1 waiting/)
  const load = startLoad(other)
  const page = await openPage(url.replace(/^ws/, 'http'))
  cluster.stdin.write('p')
  await shows(/gap [\d.]+ ms[\s\S]*view 3, acked; survives 1 more death[\s\S]*idle +alive/)
  writeFileSync(
    new URL('terminal.svg', folder),
    terminalSvg(screen, 'holdfast cluster, after its primary was killed'),
  )
  await shoot(page)
  clearInterval(load)
  console.log(`${fileURLToPath(folder)}terminal.svg, page.png`)
} finally {
  await browser.close()
  cluster.stdin.write('q')
  await new Promise(resolve => cluster.once('close', resolve))
}

/** So that there is something to draw: some hundred pairs a second, now more and now less. */
function startLoad(client: LockClient): NodeJS.Timeout {
  let round = 0
  return setInterval(() => {
    const pairs = Math.round(30 + 20 * Math.sin(round++ / 20))
    for (let i = 0; i < pairs; i++) void client.request(`jobs/${i}`, () => {}).catch(() => {})
  }, 100)
}

/** It comes back once there are some points in each chart. */
async function openPage(url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 700 }, colorScheme: 'light' })
  await page.goto(url)
  await page.waitForTimeout(drawnMs)
  return page
}

async function shoot(page: Page): Promise<void> {
  await page.locator('#views .promotion').first().waitFor()
  await page.locator('#picture svg').filter({ hasNotText: 'gone' }).waitFor()
  await page.waitForTimeout(drawnMs / 2)
  await page.locator('#locks-section').scrollIntoViewIfNeeded()
  await page.locator('#locks tr').filter({ hasText: 'orders/42' }).first().waitFor()
  await page.screenshot({ fullPage: true, path: fileURLToPath(new URL('page.png', folder)) })
}

function text(): string {
  const { active } = screen.buffer
  return Array.from({ length: rows }, (_, row) =>
    active.getLine(active.viewportY + row)?.translateToString(true),
  ).join('\n')
}

async function shows(what: RegExp): Promise<void> {
  await until(`the terminal shows ${what}`, () => what.test(text()), 30_000)
}

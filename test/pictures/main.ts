// npm run pictures: the pictures of README, made from a real cluster: its terminal while the primary is killed, and
// its page. Needs script(1) and Chromium.

import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import headless from '@xterm/headless'
import { connect } from '../../client/index.ts'
import { launchChromium } from '../browser/chromium.ts'
import { until } from '../fixtures/deadline.ts'
import { inShell } from '../fixtures/terminal.ts'
import { terminalSvg } from './terminal-svg.ts'

const [cols, rows] = [118, 22]
const folder = new URL('../../../docs/pictures/', import.meta.url)

const screen = new headless.Terminal({ cols, rows, allowProposedApi: true, scrollback: 0 })
const line = `stty cols ${cols} rows ${rows}; exec ${inShell('cluster', '--port', '0')}`
const cluster = spawn('script', ['-qec', line, '/dev/null'], {
  env: { ...process.env, SHELL: '/bin/sh', TERM: 'xterm-256color' },
})
cluster.stdout.on('data', data => screen.write(data))

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
  cluster.stdin.write('p')
  await shows(/gap [\d.]+ ms[\s\S]*view 3, acked; survives 1 more death[\s\S]*idle +alive/)
  writeFileSync(
    new URL('terminal.svg', folder),
    terminalSvg(screen, 'holdfast cluster, after its primary was killed'),
  )
  await page(url.replace(/^ws/, 'http'))
  console.log(`${fileURLToPath(folder)}terminal.svg, page.png`)
} finally {
  cluster.stdin.write('q')
  await new Promise(resolve => cluster.once('close', resolve))
}

async function page(url: string): Promise<void> {
  const browser = await launchChromium()
  try {
    const shown = await browser.newPage({ viewport: { width: 1_120, height: 700 }, colorScheme: 'light' })
    await shown.goto(url)
    await shown.locator('#locks tr').filter({ hasText: 'orders/42' }).first().waitFor()
    await shown.locator('#views .promotion').first().waitFor()
    await shown.locator('#picture svg').filter({ hasNotText: 'gone' }).waitFor()
    await shown.screenshot({ fullPage: true, path: fileURLToPath(new URL('page.png', folder)) })
  } finally {
    await browser.close()
  }
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

// Debian's headless Chromium, driven by playwright-core, for tests of pages; and the pages that it loads: one
// script each, under a strict Content-Security-Policy. No browser is downloaded.

import { existsSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'

const { CHROMIUM } = process.env
const places = CHROMIUM === undefined ? ['/usr/bin/chromium', '/usr/bin/chromium-browser'] : [CHROMIUM]
/** Null when there is none. */
export const chromiumPath = places.find(path => existsSync(path)) ?? null

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export async function launchChromium(): Promise<Browser> {
  if (chromiumPath === null)
    throw new Error('there is no chromium: apt-get install chromium, or set CHROMIUM to its path')
  return await chromium.launch({ executablePath: chromiumPath, headless: true, args })
}

/** Allows only scripts of the page's own origin and connections to the servers of this machine. */
export const strictPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  'connect-src ws://127.0.0.1:*',
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
].join('; ')

export interface Site extends AsyncDisposable {
  readonly origin: string
}

/** Serves a page with this module of `dist/`, bundled for browsers, under the strict policy. */
export async function serveSite(entry: string): Promise<Site> {
  const script = await bundle(fileURLToPath(new URL(`../../${entry}`, import.meta.url)))
  const server = createServer((request, response) => {
    const [type, body] =
      request.url === '/script.js'
        ? ['text/javascript', script]
        : [
            'text/html',
            '<!doctype html><title>Holdfast</title><script type="module" src="/script.js"></script>',
          ]
    response.writeHead(200, { 'content-type': type, 'content-security-policy': strictPolicy }).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: () => closed(server),
  }
}

/** Fails if the bundle needs anything of Node. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

/** Opens it and returns what goes wrong in it: errors, and what the policy has refused. */
export async function openPage(browser: Browser, url: string): Promise<{ page: Page; trouble: string[] }> {
  const page = await browser.newPage()
  const trouble: string[] = []
  page.on('pageerror', error => trouble.push(String(error)))
  page.on('console', message => {
    // A missing server is a network error, and Chromium logs it by itself.
    const network = /^WebSocket connection to .* failed: /.test(message.text())
    if (message.type() === 'error' && !network) trouble.push(message.text())
  })
  await page.goto(url)
  return { page, trouble }
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise(resolve => server.close(resolve))
}

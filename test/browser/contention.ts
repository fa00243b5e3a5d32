// Two pages and a Node process contend for one lock, while the primary is killed: a referee in this process
// hears of every grant, and sees a holder that is not alone and a token that is not larger than all before.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Browser } from 'playwright-core'
import t from 'tap'
import { here, ServerProcesses } from '../fixtures/server-processes.ts'
import { launchChromium, openPage, type Site, serveSite } from './chromium.ts'
import type { Word } from './contender.ts'

type InPage = {
  contend(url: string, name: string): Promise<void>
  connect(url: string, options: object): Promise<unknown>
}

class Referee {
  readonly trouble: string[] = []
  readonly grants = new Map<string, number>()
  /** ms of the clock at the last grant. */
  lastGrant = 0
  over = false
  #inside: string | null = null
  #token = 0
  #news = () => {}

  tell(name: string, word: Word, token: number): boolean {
    if (word === 'enter') this.#enter(name, token)
    else if (this.#inside !== name) this.trouble.push(`${name} leaves, but ${this.#inside} is inside`)
    else this.#inside = null
    return !this.over
  }

  #enter(name: string, token: number): void {
    if (this.#inside !== null) this.trouble.push(`${name} and ${this.#inside} are both inside`)
    if (token <= this.#token) this.trouble.push(`token ${token} of ${name} does not exceed ${this.#token}`)
    this.#inside = name
    this.#token = token
    this.grants.set(name, (this.grants.get(name) ?? 0) + 1)
    this.lastGrant = performance.now()
    this.#news()
  }

  /** Every contender gets the lock this many more times. */
  async served(names: readonly string[], times: number): Promise<void> {
    const before = new Map(this.grants)
    const enough = (name: string) => (this.grants.get(name) ?? 0) - (before.get(name) ?? 0) >= times
    while (!names.every(enough)) await this.next()
  }

  async next(): Promise<void> {
    await new Promise<void>(resolve => {
      this.#news = resolve
    })
  }
}

let browser: Browser
let site: Site
let cluster: ServerProcesses
t.before(async () => {
  site = await serveSite('test/browser/contender-page.js')
  const launched = launchChromium()
  cluster = new ServerProcesses(here, ['--origin', site.origin])
  await cluster.start([here, here, here])
  browser = await launched
})
t.teardown(async () => {
  await browser?.close()
  await cluster?.end()
  await site?.[Symbol.asyncDispose]()
})

function startProcess(url: string, name: string, referee: Referee): ChildProcess {
  const child = fork(fileURLToPath(new URL('contender-process.js', import.meta.url)), [url, name], {
    execArgv: [],
  })
  child.on('message', said => {
    const [who, word, token] = said as [string, Word, number]
    child.send(referee.tell(who, word, token))
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

t.test('two pages and a process contend for one lock across a failover', async t => {
  const referee = new Referee()
  const names = ['page one', 'page two', 'process']
  const url = cluster.viewUrl

  const pages = await Promise.all([openPage(browser, site.origin), openPage(browser, site.origin)])
  const contending = pages.map(async ({ page }, i) => {
    await page.exposeFunction('tell', (name: string, word: Word, token: number) =>
      referee.tell(name, word, token),
    )
    await page.evaluate(([url, name]) => (globalThis as unknown as InPage).contend(url, name), [
      url,
      names[i],
    ] as [string, string])
  })
  const child = startProcess(url, 'process', referee)
  const childEnded = once(child, 'exit')

  await referee.served(names, 20)
  const { view } = await cluster.healthy()
  const killedAt = performance.now()
  await cluster.kill(view?.primary.address ?? '')
  await referee.next()
  t.comment(`next grant ${(referee.lastGrant - killedAt).toFixed(1)} ms after kill -9`)
  await referee.served(names, 20)
  const after = await cluster.healthy(2)
  t.ok((after.view?.number ?? 0) > (view?.number ?? 0), 'there is another primary')

  referee.over = true
  await Promise.all(contending)
  t.same(await childEnded, [0, null], 'the process ends by itself, with its own lock still held')
  t.same(referee.trouble, [], 'nobody was inside with another, and tokens grew')
  t.comment(`grants: ${JSON.stringify(Object.fromEntries(referee.grants))}`)
  for (const { trouble } of pages) t.same(trouble, [], 'no error, and nothing that the policy refused')
})

t.test('the policy is in force: a page can evaluate no text', async t => {
  const { page, trouble } = await openPage(browser, site.origin)
  const script = `${site.origin}/eval.js`
  await page.route(script, route =>
    route.fulfill({ contentType: 'text/javascript', body: 'new Function("return 1")()' }),
  )
  await page.addScriptTag({ url: script }).catch(() => {})
  t.match(trouble.join('\n'), /unsafe-eval|Trusted/i)
})

t.test('a page of another origin is turned away', async t => {
  await using other = await serveSite('test/browser/contender-page.js')
  const { page } = await openPage(browser, other.origin)
  const outcome = await page.evaluate(async url => {
    const { connect } = globalThis as unknown as InPage
    return await connect(url, { timeout: 1_000 }).then(
      () => 'connected',
      error => `${error.code}: ${error.message}`,
    )
  }, cluster.viewUrl)
  t.match(outcome, /^TIMEOUT: no session/)
})

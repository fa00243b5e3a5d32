// examples/browser-tab.ts as it is, in two tabs: one is active; it stays so when the primary dies, and the
// other follows when it is closed.

import { startCluster } from 'holdfast/testing'
import type { Page } from 'playwright-core'
import t from 'tap'
import { launchChromium, openPage, serveSite } from './chromium.ts'

const active = (title: string) => title.startsWith('active')

async function titles(pages: readonly Page[], wanted: (titles: string[]) => boolean): Promise<string[]> {
  for (;;) {
    const found = await Promise.all(pages.map(page => page.title()))
    if (wanted(found)) return found
  }
}

t.test('one tab of two is the active one', async t => {
  await using site = await serveSite('examples/browser-tab.js')
  await using cluster = await startCluster({ origins: [site.origin] })
  const browser = await launchChromium()
  t.teardown(() => browser.close())
  const url = `${site.origin}/?cluster=${encodeURIComponent(cluster.url)}`
  const tabs = await Promise.all([openPage(browser, url), openPage(browser, url)])
  const pages = tabs.map(({ page }) => page)

  const before = await titles(pages, found => found.some(active) && found.includes('waiting'))
  const first = before.findIndex(active)
  await cluster.killPrimary()
  await cluster.ready()
  t.same(await titles(pages, () => true), before, 'the death of the primary changes nothing')

  await pages[first]?.close()
  const [after = ''] = await titles([pages[1 - first] as Page], found => found.some(active))
  t.ok(Number(after.split(' ').at(-1)) > Number(before[first]?.split(' ').at(-1)), 'with a larger token')
  for (const { trouble } of tabs) t.same(trouble, [])
})

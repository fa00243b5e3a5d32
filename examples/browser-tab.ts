// Of all tabs of all users one is the active one: a script of a page, bundled for browsers; the page's URL
// says ?cluster=ws://127.0.0.1:7400. The servers need the page's origin: --origin https://example.org

import { connect } from 'holdfast'

declare const document: { title: string }
declare const location: { readonly href: string }
declare function addEventListener(event: 'pagehide', listener: () => void): void

const url = new URL(location.href).searchParams.get('cluster') ?? 'ws://127.0.0.1:7400'

document.title = 'connecting'
const locks = await connect(url, { name: 'a tab', ttl: 5_000 })
// Without this its lock would be free only when its ttl has passed.
addEventListener('pagehide', () => void locks.close())

document.title = 'waiting'
try {
  await locks.request('the active tab', async lock => {
    document.title = `active with token ${lock.token}`
    await new Promise(() => {}) // as long as the tab is there
  })
} catch (error) {
  document.title = `active no more: ${error}`
}

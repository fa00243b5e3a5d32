// A page that shows who leads, and kills it: node leader-page.js ws://127.0.0.1:7400 PORT. It runs three candidates
// (leader.js), each a process, and follows who leads. After a kill the next one leads within the ttl of the dead one.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { connect } from 'holdfast'

const [, , url = 'ws://127.0.0.1:7400', port = '0'] = process.argv
const file = fileURLToPath(new URL('leader.js', import.meta.url))
const start = (name: string) => fork(file, [url, name], { silent: true })
const candidates = new Map(['Ada', 'Barbara', 'Grace'].map(name => [name, start(name)]))

const locks = await connect(url, { name: 'the page' })
const leader = locks.leader('leader')
const listening = new Set<ServerResponse>()
const state = () => `data: ${leader.current ? `${leader.current.clientName} leads` : 'nobody leads'}\n\n`

const page = `<!doctype html><title>Who leads?</title><h1></h1><button>kill the leader</button><ol></ol><script>
const [h1, button, ol] = ['h1', 'button', 'ol'].map(name => document.querySelector(name))
new EventSource('/leader').onmessage = ({ data }) => {
  h1.textContent = data
  ol.appendChild(document.createElement('li')).textContent = new Date().toLocaleTimeString() + ' ' + data
}
button.onclick = () => fetch('/kill', { method: 'POST' })</script>`

const server = createServer((request, response) => {
  if (request.method === 'POST') candidates.get(leader.current?.clientName ?? '')?.kill('SIGKILL')
  if (request.url === '/leader') {
    response.setHeader('content-type', 'text/event-stream').write(state())
    listening.add(response.on('close', () => listening.delete(response)))
  } else response.setHeader('content-type', 'text/html').end(page)
})
await once(server.listen(Number(port), '127.0.0.1'), 'listening')
console.log(`open http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
for await (const _ of leader) for (const response of listening) response.write(state())

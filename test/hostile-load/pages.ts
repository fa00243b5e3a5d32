// Attacks by HTTP: many requests for pages in one piece, and pages that are expensive to make.

import { connect } from 'node:net'
import { acquireMany, enter } from './member.ts'
import type { Outcome, Scenario, Target } from './scenario.ts'

/** How long to wait for an answer. */
const patienceMs = 5_000

/** Sends the same request many times on one connection, in one piece; returns how many answers came. */
function pipeline(url: string, path: string, times: number): Promise<number> {
  const { host, hostname, port } = new URL(url)
  return new Promise(resolve => {
    let answers = 0
    const socket = connect(Number(port), hostname)
    socket.setTimeout(patienceMs, () => socket.destroy())
    socket.on('data', data => {
      answers += data.toString('latin1').split('HTTP/1.1 ').length - 1
      if (answers >= times) socket.destroy()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answers))
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(times))
  })
}

async function pipelinedMetrics({ primary, seconds }: Target): Promise<Outcome> {
  const end = performance.now() + seconds * 1_000
  let [answered, pieces] = [0, 0]
  for (; performance.now() < end && pieces < 50; pieces++)
    answered += await pipeline(primary, '/metrics', 4_000)
  return { remark: `${answered} pages in ${pieces} pieces` }
}

async function listedByOffset(target: Target): Promise<Outcome> {
  const { primary, seconds } = target
  const owner = await enter(target, 600_000)
  await acquireMany(owner, 100_000, i => `listed/${i}`)
  const query = '/locks?sort=name&limit=500&offset=99000'
  const end = performance.now() + seconds * 1_000
  let rounds = 0
  for (; performance.now() < end && rounds < 50; rounds++) {
    const all = Array.from({ length: 60 }, () =>
      fetch(primary.replace('ws:', 'http:') + query).then(
        response => response.arrayBuffer(),
        () => null,
      ),
    )
    await Promise.all(all)
  }
  return { remark: `${rounds} rounds of 60 pages` }
}

export const pageScenarios: readonly Scenario[] = [
  {
    name: 'pipelined metrics',
    rules: 'B5',
    does: 'a stranger asks for 4,000 x /metrics in one piece, again and again',
    setting: { secret: true },
    short: true,
    attack: pipelinedMetrics,
  },
  {
    name: 'pages by offset',
    rules: 'B5',
    does: '60 pages of 500 locks at a time from the end of 100,000',
    largeState: true,
    attack: listedByOffset,
  },
]

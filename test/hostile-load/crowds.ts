// Attacks with many connections and much state: slow readers, a growing state, sessions, watches, queries.

import { type HostilePeer, newId } from '../fixtures/hostile-peer.ts'
import { pause } from '../fixtures/real-pause.ts'
import { openOf } from '../fixtures/said.ts'
import { acquireMany, enter, greet } from './member.ts'
import type { Outcome, Scenario, Target } from './scenario.ts'

const ignore = () => undefined

async function unread(target: Target): Promise<Outcome> {
  const owner = await enter(target, 600_000)
  await acquireMany(owner, 19_900, i => `${'unread/'.padEnd(400, 'x')}${i}`)
  const peers = await Promise.all(Array.from({ length: 120 }, () => greet(target.primary, target.secret)))
  for (const peer of peers) {
    peer.socket.pause()
    peer.say(['query', 1, 'unread/', true])
  }
  await pause(target.seconds * 1_000)
  for (const peer of peers) peer.leave()
  return { remark: '120 answers of 11 MB' }
}

async function filledState(target: Target): Promise<Outcome> {
  const members = await Promise.all([enter(target, 600_000), enter(target, 600_000)])
  const fill = async (member: (typeof members)[0], m: number) =>
    await Promise.race([
      acquireMany(member, 60_000, i => `${m}/${'fill/'.padEnd(900, 'x')}${i}`).catch(ignore),
      member.peer.ended(),
      pause(20_000),
    ])
  const granted = await Promise.all(members.map(fill))
  return {
    remark: `granted ${granted.map(got => (typeof got === 'number' ? got : 'until cut')).join(' and ')}`,
  }
}

/** Of another address than the prober's and the newcomer's. */
const elsewhere = { localAddress: '127.0.0.2' }
const sessionsPerAddress = 300

async function sessionsTaken(target: Target): Promise<Outcome> {
  const end = performance.now() + target.seconds * 1_000
  let opened = 0
  let refused = 0
  const open = async () => {
    while (opened + refused < 50_000 && performance.now() < end) {
      const peer = await greet(target.primary, target.secret, elsewhere)
      peer.say(openOf(newId(), 1, 30_000, 'taken'))
      const got = await Promise.race([
        peer.next('opened').catch(ignore),
        peer.next('open-refused').catch(ignore),
      ])
      if (got?.[0] === 'opened') opened++
      else refused++
      peer.leave()
    }
  }
  await Promise.all(Array.from({ length: 32 }, () => open().catch(ignore)))
  const newcomer = await Promise.race([enter(target, 10_000).catch(ignore), pause(2_000)])
  const wrong = newcomer === undefined ? ['a newcomer gets no session'] : []
  if (opened > sessionsPerAddress) wrong.push(`one address has ${opened} sessions`)
  return { remark: `${opened} sessions, ${refused} refused`, wrong }
}

async function watchers(target: Target): Promise<Outcome> {
  const end = performance.now() + target.seconds * 1_000
  const open = Array.from({ length: 16 }, () => greet(target.primary, target.secret))
  const peers = await Promise.all(open)
  for (const peer of peers) {
    for (let i = 0; i < 16; i++) peer.say(['watch', i, ''])
    void seeAll(peer, end)
  }
  const workers = Array.from({ length: 8 }, (_, i) => work(target, `watched/${i}`, end).catch(() => 0))
  const done = (await Promise.all(workers)).reduce((sum, one) => sum + one, 0)
  for (const peer of peers) peer.leave()
  return { remark: `256 watches, ${Math.round(done / target.seconds)} locks a second` }
}

/** Claims to have seen more than the server sent, so that the server sends everything. */
async function seeAll(peer: HostilePeer, end: number): Promise<void> {
  for (let seen = 1; performance.now() < end && peer.end === null; seen++) {
    for (let i = 0; i < 16; i++) peer.say(['seen', i, seen * 1_000])
    peer.forget()
    await pause(20)
  }
}

function pairsOf(tokens: readonly number[]): number[] {
  return tokens.flatMap(token => [token, 1])
}

/** Acquires and releases 32 locks at a time; returns how many it got. */
async function work(target: Target, name: string, end: number): Promise<number> {
  const member = await enter(target, 10_000)
  let done = 0
  while (performance.now() < end) {
    const first = member.next
    const names = Array.from({ length: 32 }, (_, i) => `${name}/${i}`)
    member.peer.say(['acquire-run', first, names, 'exclusive', 'wait'])
    const tokens: number[] = []
    while (tokens.length < 32) {
      for (const [kind, , granted, firstToken] of member.peer.heard)
        if (kind === 'granted') tokens.push(...(granted as number[]))
        else if (kind === 'granted-run')
          for (let i = 0; i < (granted as number); i++) tokens.push((firstToken as number) + i)
      member.peer.forget()
      if (tokens.length < 32) await member.peer.more()
    }
    member.peer.say(['acknowledge', [1, first + 31], []], ['release-run', first + 32, pairsOf(tokens)])
    member.next += 64
    done += 32
  }
  member.peer.leave()
  return done
}

async function queries(target: Target): Promise<Outcome> {
  const owner = await enter(target, 600_000)
  await acquireMany(owner, 19_900, i => `queried/${i}`)
  const end = performance.now() + target.seconds * 1_000
  let answered = 0
  const ask = async () => {
    const peer = await greet(target.primary, target.secret)
    while (performance.now() < end && answered < 5_000) {
      peer.say(['query', 1, 'queried/', true])
      for (let more = true; more; ) {
        const part = await peer.next('locks')
        more = (part[2] as { more: boolean }).more
      }
      peer.forget()
      answered++
    }
    peer.leave()
  }
  await Promise.all(
    Array.from({ length: 50 }, () =>
      Promise.race([ask().catch(ignore), pause(target.seconds * 1_000 + 5_000)]),
    ),
  )
  return { remark: `${answered} answers of 19,900 locks` }
}

/** Clients that have said hello, and nothing else. */
async function crowd(target: Target, count: number): Promise<HostilePeer[]> {
  const peers: HostilePeer[] = []
  while (peers.length < count)
    peers.push(
      ...(await Promise.all(Array.from({ length: 100 }, () => greet(target.primary, target.secret)))),
    )
  return peers
}

async function endTogether(target: Target): Promise<Outcome> {
  const peers = await crowd(target, 3_000)
  await pause(500)
  for (const peer of peers) peer.leave()
  await pause(2_000)
  return { remark: `${peers.length} sockets` }
}

async function pingTogether(target: Target): Promise<Outcome> {
  const peers = await crowd(target, 3_000)
  const end = performance.now() + target.seconds * 1_000
  let rounds = 0
  for (; performance.now() < end; rounds++) {
    for (const { socket } of peers) for (let i = 0; i < 5; i++) socket.ping()
    await pause(500)
  }
  for (const peer of peers) peer.leave()
  return { remark: `${rounds} times 15,000 pings` }
}

async function millionLocks(target: Target): Promise<Outcome> {
  const members = await Promise.all(Array.from({ length: 5 }, () => enter(target, 4_000)))
  const take = (member: (typeof members)[0], m: number) =>
    acquireMany(member, 190_000, i => `orders/customers/${m}/${String(i).padStart(11, '0')}`)
  const granted = await Promise.all(members.map(take))
  for (const { peer } of members) peer.leave()
  await pause(6_000 + target.seconds * 1_000)
  return { remark: `${granted.reduce((sum, one) => sum + one, 0)} locks, which come and go` }
}

export const crowdScenarios: readonly Scenario[] = [
  {
    name: 'ends in one moment',
    rules: 'B1',
    does: '3,000 clients are cut in one moment',
    short: true,
    longestTurn: true,
    attack: endTogether,
  },
  {
    name: 'pings in one moment',
    rules: 'B1',
    does: '3,000 clients send five pings of WebSocket each in one moment, again and again',
    longestTurn: true,
    attack: pingTogether,
  },
  {
    name: 'a million locks',
    rules: 'B1',
    does: 'five sessions take 190,000 locks each, and leave',
    largeState: true,
    longestTurn: true,
    attack: millionLocks,
  },
  {
    name: 'slow readers',
    rules: 'B4',
    does: '120 connections ask for 11 MB each and do not read',
    short: true,
    attack: unread,
  },
  {
    name: 'a state that fills',
    rules: 'B4',
    does: 'two clients take locks with names of 900 bytes; the servers have heaps of 64 MiB',
    setting: { heapMb: 64 },
    largeState: true,
    attack: filledState,
  },
  {
    name: 'all sessions taken',
    rules: 'B7',
    does: 'one address opens up to 50,000 sessions and leaves them; it may have 300',
    setting: { sessionsPerAddress },
    largeState: true,
    attack: sessionsTaken,
  },
  {
    name: 'watchers of everything',
    rules: 'B7',
    does: '256 watches of everything that claim to have seen all, beside eight who work',
    short: true,
    attack: watchers,
  },
  {
    name: 'queries in a loop',
    rules: 'B7',
    does: '50 clients ask for 19,900 locks again and again',
    attack: queries,
  },
]

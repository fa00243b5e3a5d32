// Attacks within one session or one frame: ends and releases of very many holds, long runs, waits, resumes.
// All of it is within the limits.

import { pause } from '../fixtures/real-pause.ts'
import { resumeOf } from '../fixtures/said.ts'
import { acquireMany, enter, greet } from './member.ts'
import type { Outcome, Scenario, Target } from './scenario.ts'

/** By then a session's lease is over, even with the extra time of a promotion. */
const overAfterMs = 4_000
const sharedHolds = 60_000

async function expireShared(target: Target): Promise<Outcome> {
  const member = await enter(target)
  const held = await acquireMany(member, sharedHolds, () => 'shared by one', 'shared')
  member.peer.leave()
  await pause(overAfterMs + target.seconds * 1_000)
  return { remark: `${held} holds` }
}

async function forceShared(target: Target): Promise<Outcome> {
  const member = await enter(target, 600_000)
  const held = await acquireMany(member, sharedHolds, () => 'shared by one', 'shared')
  const operator = await enter(target, 10_000)
  operator.peer.say(['force-release', 1, 'shared by one', null])
  await Promise.race([operator.peer.ended(), operator.peer.next('force-released').catch(() => null)])
  await pause(target.seconds * 1_000)
  return { remark: `${held} holds` }
}

/** One frame of at most 4 MiB: the same message as often as it fits. */
function fullFrame(message: (i: number) => unknown): string {
  const parts: string[] = []
  for (let length = 2, i = 0; ; i++) {
    const part = JSON.stringify(message(i))
    length += part.length + 1
    if (length > 4 * 1_024 * 1_024) break
    parts.push(part)
  }
  return `[${parts.join(',')}]`
}

async function longRuns(target: Target): Promise<Outcome> {
  const names = Array.from({ length: 256 }, () => 'x')
  const text = fullFrame(i => ['acquire-run', i * 256 + 1, names, 'exclusive', 'wait'])
  return await sendToSessions(target, text, 4)
}

async function renewals(target: Target): Promise<Outcome> {
  return await sendToSessions(
    target,
    fullFrame(i => ['renew', i]),
    4,
  )
}

/** Sends the frame in this many sessions at once. */
async function sendToSessions(target: Target, text: string, sessions: number): Promise<Outcome> {
  const members = await Promise.all(Array.from({ length: sessions }, () => enter(target, 10_000)))
  for (const { peer } of members) peer.socket.send(text)
  const ended = Promise.all(members.map(({ peer }) => peer.ended()))
  await Promise.race([ended, pause(target.seconds * 1_000)])
  for (const { peer } of members) peer.leave()
  return { remark: `${sessions} frames of 4 MiB` }
}

async function endWaiting(target: Target): Promise<Outcome> {
  const holder = await enter(target, 600_000)
  await acquireMany(holder, 1, () => 'crowded')
  const waiting = 8_000
  const members = await Promise.all([enter(target, 600_000), enter(target, 600_000)])
  for (const { peer } of members) {
    for (let first = 1; first <= waiting; first += 250) {
      const names = Array.from({ length: 250 }, () => 'crowded')
      peer.say(['acquire-run', first, names, 'exclusive', 'wait'])
    }
    peer.say(['echo', 1])
  }
  await Promise.all(members.map(({ peer }) => peer.next('echoed')))
  for (const { peer } of members) peer.say(['end', waiting + 1])
  await Promise.all(
    members.map(({ peer }) => Promise.race([peer.next('ended').catch(() => null), pause(10_000)])),
  )
  await pause(target.seconds * 500)
  return { remark: `two sessions with ${waiting} waits in one queue` }
}

async function resumes(target: Target): Promise<Outcome> {
  const unanswered = 8_000
  const member = await enter(target, 600_000)
  for (let first = 1; first <= unanswered; first += 250)
    member.peer.say([
      'acquire-run',
      first,
      Array.from({ length: 250 }, (_, i) => `resumed/${first + i}`),
      'shared',
      'wait',
    ])
  await member.peer.next('granted-run')
  const end = performance.now() + target.seconds * 1_000
  let count = 1
  while (performance.now() < end && count < 10_000) {
    const peer = await greet(target.primary, target.secret)
    count++
    peer.say(resumeOf(member.id, count, unanswered + 1, [1, unanswered]))
    for (let first = 1; first <= unanswered; first += 250)
      peer.say([
        'acquire-run',
        first,
        Array.from({ length: 250 }, (_, i) => `resumed/${first + i}`),
        'shared',
        'wait',
      ])
  }
  return { remark: `${count} resumes with ${unanswered} requests each` }
}

export const workScenarios: readonly Scenario[] = [
  {
    name: 'expire shared holds',
    rules: 'B2',
    does: 'a client that holds one lock 60,000 times shared dies',
    short: true,
    attack: expireShared,
  },
  {
    name: 'force shared holds',
    rules: 'B2',
    does: 'a forced release of a lock that one session holds 60,000 times shared',
    attack: forceShared,
  },
  {
    name: 'a million acquires',
    rules: 'B1',
    does: 'four frames of 4 MiB, each runs of a million acquires',
    short: true,
    attack: longRuns,
  },
  {
    name: 'renewals by the frame',
    rules: 'B1',
    does: 'four frames of 4 MiB, each some 300,000 renewals',
    attack: renewals,
  },
  {
    name: 'end of many waits',
    rules: 'B2',
    does: 'two sessions end while each waits 8,000 times in one queue (own)',
    attack: endWaiting,
  },
  {
    name: 'resumes in a loop',
    rules: 'B1 B7',
    does: 'one session resumes on new connections without a pause, each time with 8,000 requests (own)',
    attack: resumes,
  },
]

// A client by hand that knows the secret, if there is one: it opens sessions and sends as many requests as it
// likes. Like the hostile tests, it uses neither the client nor wire/connection.ts.

import { wireVersion } from '../../wire/version.ts'
import { HostilePeer, newId } from '../fixtures/hostile-peer.ts'
import { openOf } from '../fixtures/said.ts'
import type { Target } from './scenario.ts'

export interface Member {
  readonly peer: HostilePeer
  readonly id: string
  /** The number of its next request. */
  next: number
}

export const helloOf = (secret: string | null, name = 'hostile') => [
  'hello',
  wireVersion,
  null,
  secret,
  { kind: 'client', name },
]

/** A connection after its welcome. */
export async function greet(url: string, secret: string | null, options: object = {}): Promise<HostilePeer> {
  const peer = await HostilePeer.connect(url, options)
  peer.say(helloOf(secret))
  await peer.next('welcome')
  return peer
}

/** A session with the primary. */
export async function enter({ primary, secret }: Target, ttl = 1_500): Promise<Member> {
  const peer = await greet(primary, secret)
  const id = newId()
  peer.say(openOf(id, 1, ttl, 'hostile'))
  await peer.next('opened')
  return { peer, id, next: 1 }
}

/** Requests per run. */
const runOf = 256
/** The server allows many more unanswered requests than this. */
const windowRuns = 16

/** Acquires one lock for each name; resolves with the number of grants once all are answered. */
export async function acquireMany(
  member: Member,
  count: number,
  name: (i: number) => string,
  mode = 'exclusive',
): Promise<number> {
  let granted = 0
  for (let done = 0; done < count; done += runOf * windowRuns) {
    const first = member.next
    const wanted = Math.min(count - done, runOf * windowRuns)
    for (let i = 0; i < wanted; i += runOf) {
      const names = Array.from({ length: Math.min(runOf, wanted - i) }, (_, j) => name(done + i + j))
      member.peer.say(['acquire-run', first + i, names, mode, 'wait'])
    }
    member.next += wanted
    const got = await answersTo(member, wanted)
    granted += got
    member.peer.say(['renew', first], ['acknowledge', [first, member.next - 1], []])
    if (got < wanted) break
  }
  return granted
}

/** How many of the next `wanted` replies grant something. */
async function answersTo(member: Member, wanted: number): Promise<number> {
  const { peer } = member
  let [answered, granted] = [0, 0]
  while (answered < wanted) {
    for (const message of peer.heard) {
      const [kind] = message
      const size = kind === 'granted-run' ? (message[2] as number) : 1
      if (kind === 'granted-run' || kind === 'granted') granted += size
      if (['granted-run', 'granted', 'refused'].includes(kind)) answered += size
    }
    peer.forget()
    if (answered < wanted) await peer.more()
  }
  return granted
}

/** A client's text frame, of any length, masked with zeros. */
export function frameOf(text: string): Buffer {
  const body = Buffer.from(text)
  const head = Buffer.alloc(14)
  head[0] = 0x81
  head[1] = 0xff
  head.writeBigUInt64BE(BigInt(body.length), 2)
  return Buffer.concat([head, body])
}

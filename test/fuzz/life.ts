// A client's life by docs/PROTOCOL.md, in well-formed frames with answers that are known
// in advance: its names are its own, so no other client changes what it holds.

import { type Heard, newId } from '../fixtures/hostile-peer.ts'
import type { Random } from '../fixtures/random.ts'
import { openOf, publicIdFor } from '../fixtures/said.ts'
import type { Talk } from './talk.ts'

/** Long enough for the longest story, and short enough for every limit of the server. */
const ttlMs = 60_000

export class Life {
  readonly #talk: Talk
  readonly #dice: Random
  readonly #prefix: string
  readonly id = newId()
  #next = 1
  #names = 0
  /** The token of each lock that it holds, by name; in the order of tokens. */
  readonly #held = new Map<string, number>()

  constructor(talk: Talk, dice: Random, prefix: string) {
    this.#talk = talk
    this.#dice = dice
    this.#prefix = prefix
  }

  async open(): Promise<void> {
    this.#talk.say(openOf(this.id, 1, ttlMs, 'fuzz'))
    this.#same(await this.#talk.hear('opened', ([kind]) => kind === 'opened'), [
      'opened',
      this.id,
      1,
      ttlMs,
      publicIdFor(this.id),
    ])
  }

  /** Sends one message, and expects the answer. */
  async step(): Promise<void> {
    await this.#dice.pick(this.#steps)()
    this.#talk.count('answered')
  }

  async end(): Promise<void> {
    const request = this.#next++
    this.#talk.say(['end', request])
    this.#same(await this.#talk.hear('ended', ([kind]) => kind === 'ended'), ['ended', request])
    await this.#talk.hear('unknown-session', ([kind, id]) => kind === 'unknown-session' && id === this.id)
  }

  readonly #steps: readonly (() => Promise<void>)[] = [
    () => this.#acquire(),
    () => this.#acquire(),
    () => this.#acquireRun(),
    () => this.#acquireHeld(),
    () => this.#release(),
    () => this.#release(),
    () => this.#releaseNothing(),
    () => this.#force(),
    () => this.#cancel(),
    () => this.#cancelNothing(),
    () => this.#repeat(),
    () => this.#query(),
    () => this.#acknowledge(),
    () => this.#talk.echo(this.#dice.below(1_000_000)),
  ]

  #name(): string {
    return `${this.#prefix}/${this.#names++}${this.#dice.pick(['', ' ', 'é', '😀', '\u0000', '"', '__proto__'])}`
  }

  async #acquire(): Promise<void> {
    const request = this.#next++
    const names = Array.from({ length: 1 + this.#dice.below(4) }, () => this.#name())
    const [mode, manner] = [
      this.#dice.pick(['exclusive', 'shared']),
      this.#dice.pick(['wait', 'ifAvailable', 'steal']),
    ]
    this.#talk.say(['renew', request], ['acquire', request, names, mode, manner, null])
    await this.#talk.hear('renewed', ([kind, number]) => kind === 'renewed' && number === request)
    this.#take(request, names, await this.#reply(request))
  }

  /** Notes the grants; tokens come in the order of the sorted names. */
  #take(request: number, names: readonly string[], reply: Heard): void {
    const tokens = reply[2] as number[]
    this.#same([...reply.slice(0, 2), tokens?.length, reply[3]], ['granted', request, names.length, []])
    for (const [i, name] of [...names].sort().entries()) this.#held.set(name, tokens[i] as number)
  }

  async #acquireRun(): Promise<void> {
    const names = Array.from({ length: 1 + this.#dice.below(6) }, () => this.#name())
    const first = this.#next
    this.#next += names.length
    this.#talk.say(['acquire-run', first, names, 'exclusive', 'wait'])
    for (const [i, name] of names.entries()) this.#take(first + i, [name], await this.#reply(first + i))
  }

  /** If a client asks again for its own lock, that lock is not free. */
  async #acquireHeld(): Promise<void> {
    const name = this.#someHeld()
    if (name === undefined) return
    const request = this.#next++
    this.#talk.say(['acquire', request, [this.#name(), name], 'exclusive', 'ifAvailable', null])
    this.#same(await this.#reply(request), ['unavailable', request])
  }

  async #release(): Promise<void> {
    const name = this.#someHeld()
    if (name === undefined) return
    const request = this.#next++
    this.#talk.say(['release', request, this.#held.get(name)])
    this.#same(await this.#reply(request), ['released', request, true])
    this.#held.delete(name)
  }

  async #releaseNothing(): Promise<void> {
    const request = this.#next++
    this.#talk.say(['release', request, this.#dice.below(1_000)])
    this.#same(await this.#reply(request), ['released', request, false])
  }

  async #force(): Promise<void> {
    const name = this.#someHeld() ?? this.#name()
    const token = this.#held.get(name)
    const request = this.#next++
    this.#talk.say(['force-release', request, name, null])
    this.#same(await this.#reply(request), ['force-released', request, token === undefined ? 0 : 1, null])
    if (token === undefined) return
    this.#held.delete(name)
    const lost = await this.#talk.hear('lost', ([kind, which]) => kind === 'lost' && which === token)
    this.#same(lost, ['lost', token, 'FORCED'])
    this.#talk.say(['acknowledge', [], [token]])
  }

  async #cancel(): Promise<void> {
    const name = this.#someHeld()
    if (name === undefined) return
    const [request, cancel] = [this.#next++, this.#next++]
    this.#talk.say(['acquire', request, [name], 'exclusive', 'wait', null], ['cancel', cancel, request])
    this.#same(await this.#reply(request), ['cancelled', request])
    const done = await this.#reply(cancel)
    this.#same(done.slice(0, 3), ['cancel-done', cancel, 'cancelled'])
    const { token } = done[3] as { token: number }
    if (token !== this.#held.get(name))
      throw this.#talk.surprise(`it waited for ${this.#held.get(name)}, not ${token}`)
  }

  async #cancelNothing(): Promise<void> {
    const request = this.#next++
    this.#talk.say(['cancel', request, request + 1 + this.#dice.below(100)])
    this.#same(await this.#reply(request), ['cancel-done', request, 'nothing', null])
  }

  /** A repeated request gets the stored reply. */
  async #repeat(): Promise<void> {
    const request = this.#next++
    this.#talk.say(['release', request, 0])
    await this.#reply(request)
    this.#talk.say(['release', request, 0], ['release', request, 0])
    for (let i = 0; i < 2; i++) this.#same(await this.#reply(request), ['released', request, false])
  }

  async #query(): Promise<void> {
    const number = this.#dice.below(1_000_000)
    this.#talk.say(['query', number, `${this.#prefix}/`, this.#dice.chance(0.5)])
    const tokens: number[] = []
    for (let more = true; more; ) {
      const part = await this.#talk.hear('locks', ([kind, which]) => kind === 'locks' && which === number)
      tokens.push(...(part[3] as { token: number }[]).map(({ token }) => token))
      more = (part[2] as { more: boolean }).more
    }
    const held = [...this.#held.values()].sort((a, b) => a - b)
    this.#same(tokens, held)
  }

  async #acknowledge(): Promise<void> {
    if (this.#next > 1) this.#talk.say(['acknowledge', [1, this.#next - 1], []])
  }

  #someHeld(): string | undefined {
    return this.#held.size === 0 ? undefined : this.#dice.pick([...this.#held.keys()])
  }

  #reply(request: number): Promise<Heard> {
    return this.#talk.hear(`a reply to ${request}`, ([kind, to]) => replies.has(kind) && to === request)
  }

  #same(got: unknown, right: unknown): void {
    const [is, should] = [JSON.stringify(got), JSON.stringify(right)]
    if (is !== should) throw this.#talk.surprise(`${should} was right, not ${is}`)
  }
}

const replies = new Set([
  'granted',
  'unavailable',
  'cancelled',
  'cancel-done',
  'released',
  'force-released',
  'refused',
])

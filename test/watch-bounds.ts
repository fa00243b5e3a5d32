// Servers' estimate of a reader of events, over cuts and new sessions: the number of sent
// and unread events stays bounded, and comes down again once the reader has read everything.

import t from 'tap'
import { connect } from '../client/index.ts'
import { LockWatch } from '../client/watch.ts'
import { eventsUnseenMax } from '../wire/limits.ts'
import type { LockEvent, Message } from '../wire/messages.ts'
import { FakeServer } from './fixtures/client-server.ts'
import { a, opened, type Story, view } from './fixtures/client-story.ts'

const event = (name: string): LockEvent => ({
  event: 'granted',
  name,
  mode: 'exclusive',
  token: 1,
  clientId: 'a'.repeat(32),
  clientName: 'a',
  reason: null,
  terms: null,
  at: 1,
})

/** One watch of a story's core, and its server's estimate of the reader. */
class Watching {
  readonly watch: LockWatch
  readonly #story: Story
  told = 0
  seen = 0
  /** Waits for an event that has not come. */
  #next: Promise<unknown> | null = null

  constructor(story: Story) {
    this.#story = story
    this.watch = new LockWatch(
      events => story.step({ is: 'seen', watch: 1, events }),
      () => {},
    )
    story.step({ is: 'watch', watch: 1, prefix: '' })
  }

  /** Sends as many of these as this server may. */
  tells(events: number): void {
    for (let i = 0; i < events; i++) {
      this.#hear()
      if (this.told - this.seen >= eventsUnseenMax) return
      this.told++
      this.#story.says(a, ['event', 1, event(`l/${i}`)])
      for (const { what } of this.#story.seen('watched')) this.watch.push(what)
    }
  }

  cut(): void {
    this.#story.cut(a)
    this.#story.pass(1_000)
    this.#story.serverWelcomes('a', 'primary', view(2, 'a', 'b'))
    this.told = 0
    this.seen = 0
    this.#story.heard(a)
  }

  /** Reads everything that is kept; returns how many events that is, including the missed ones. */
  async readAll(): Promise<number> {
    const end = Symbol('end')
    for (let events = 0; ; ) {
      this.#next ??= this.watch.next()
      const next = await Promise.race([this.#next, new Promise(resolve => setImmediate(resolve, end))])
      if (next === end) return this.#read(events)
      this.#next = null
      const { value } = next as IteratorResult<{ event: string; events?: number }>
      events += value.event === 'missed' ? (value.events ?? 0) : value.event === 'watching' ? 0 : 1
    }
  }

  #read(events: number): number {
    this.#hear()
    return events
  }

  #hear(): void {
    for (const message of this.#story.heard(a)) {
      if (message[0] !== 'seen') continue
      const events = message[2] as number
      if (events > this.told) throw new Error(`${events} seen of ${this.told}`)
      this.seen = Math.max(this.seen, events)
    }
  }
}

t.test('F13: a reader that stood still over two cuts gets more events once it has read', async t => {
  const watching = new Watching(opened())
  for (let cuts = 0; cuts < 3; cuts++) {
    if (cuts > 0) watching.cut()
    watching.tells(5_000)
  }
  t.equal(watching.told - watching.seen, eventsUnseenMax, 'the third server holds back while it stands still')
  t.equal(await watching.readAll(), 3 * eventsUnseenMax, 'read or missed')
  t.ok(watching.told - watching.seen < eventsUnseenMax / 2, `unseen: ${watching.told - watching.seen}`)
  watching.tells(1_000)
  t.equal(await watching.readAll(), 1_000)
})

t.test('F13: a few dropped events leave the window as wide as before', async t => {
  const watching = new Watching(opened())
  for (const events of [5_000, 4_000, 1_000]) {
    watching.tells(events)
    watching.cut()
  }
  await watching.readAll()
  for (let i = 0; i < 20; i++) {
    watching.tells(eventsUnseenMax)
    await watching.readAll()
    t.ok(watching.told - watching.seen < eventsUnseenMax / 8, `unseen: ${watching.told - watching.seen}`)
  }
})

t.test('F13: in a new session the client reports only what was read in that session', async t => {
  await using fake = await FakeServer.start()
  await using client = await connect(fake.url)
  const watch = client.watch()
  const heard = (kind: string) => fake.requests.filter(request => request[0] === kind)
  const until = async (condition: () => boolean) => {
    while (!condition()) await new Promise(resolve => setImmediate(resolve))
  }
  const say = (...messages: Message[]) => {
    for (const connection of fake.connections) for (const message of messages) connection.send(message)
  }
  const events = (count: number) =>
    Array.from({ length: count }, (_, i): Message => ['event', 1, event(`${i}`)])
  const read = async (count: number) => {
    for (let i = 0; i < count; i++) await watch.next()
  }
  await until(() => heard('watch').length === 1)
  say(...events(2_000))
  await read(1_900) // a hundred are kept for the new session
  say(['unknown-session', fake.sessionId])
  await until(() => heard('watch').length === 2)
  const before = heard('seen').length
  say(...events(600))
  await read(700)
  await until(() => heard('seen').length >= before + 2)
  const seen = heard('seen')
    .slice(before)
    .map(request => request[2] as number)
  t.ok(Math.max(...seen) <= 600, `${seen}`)
  t.ok(Math.max(...seen) >= 600 - eventsUnseenMax / 8, `${seen}`)
})

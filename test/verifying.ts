// B3 on the view core alone: it dials addresses from invented hellos rarely, few at a
// time, and they keep no lock server out.

import t from 'tap'
import { unverifiedMax, verifyingMax } from '../wire/limits.ts'
import { alone, pair } from './fixtures/view-started.ts'
import type { StoryServer, ViewStory } from './fixtures/view-story.ts'

/** Hellos of lock servers with addresses at which nothing answers. */
function madeUp(story: ViewStory, count: number, found: 'silent' | 'refuses' = 'silent'): StoryServer[] {
  return Array.from({ length: count }, (_, i) => {
    const server = story.server(`m${i}`)
    story.network.set(server.address, found)
    return server.sayHello()
  })
}

t.test('B3: few addresses are dialled at a time and in a tick, however many there are', async t => {
  for (const found of ['silent', 'refuses'] as const) {
    const { story, s1 } = alone()
    const before = story.dialled.length
    madeUp(story, unverifiedMax, found)
    t.equal(story.dialled.length - before, verifyingMax, `${found}: at once`)
    story.tick(1, s1)
    t.ok(story.dialled.length - before <= 2 * verifyingMax, `${found}: in the next tick`)
  }
})

t.test('B3: an address that does not answer is dialled more and more rarely', async t => {
  const { story, s1 } = alone()
  const [server] = madeUp(story, 1, 'refuses')
  const dialsIn = (ticks: number) => {
    const before = story.dialled.length
    for (let i = 0; i < ticks; i++) {
      server?.ping()
      story.tick(1, s1)
    }
    return story.dialled.length - before
  }
  t.ok(dialsIn(10) >= 5)
  dialsIn(100)
  t.ok(dialsIn(100) <= 4)
})

t.test(
  'B3: when there is no room a server that was tried makes room, and a lock server that answers counts',
  async t => {
    const { story, s1, s2 } = pair()
    const all = madeUp(story, unverifiedMax + 10)
    t.equal(all.at(-1)?.refusal, 'TOO_MANY_CONNECTIONS', 'none was tried to the end yet')
    t.equal(story.status.servers.length, 2)
    for (let i = 0; i < 10; i++) {
      for (const server of all) if (server.refusal === undefined) server.ping()
      story.tick(1, s1, s2)
    }
    const s3 = story.server('s3').connect().ping()
    t.equal(all.filter(server => server.refusal === 'TOO_MANY_CONNECTIONS').length, 11, 'one of them went')
    for (let i = 0; i < 30; i++) {
      for (const server of all) if (server.refusal === undefined) server.ping()
      story.tick(1, s1, s2, s3)
    }
    t.ok(story.status.servers.some(server => server.id === s3.id))
    t.equal(story.view, '(s1,s2)#2')
  },
)

t.test('B3: a lock server that counts comes back whatever others say', async t => {
  const { story, s1, s2 } = pair()
  madeUp(story, unverifiedMax)
  s2.cut()
  s2.connect()
  t.equal(s2.refusal, undefined)
  story.tick(1, s1, s2)
  t.equal(story.view, '(s1,s2)#2')
})

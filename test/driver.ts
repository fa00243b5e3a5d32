// The driver of every core, and the layers above a socket: on a runtime in memory whose
// timers fire when a test says so. Nothing here waits.

import t from 'tap'
import type { ConnectionEffect, ConnectionInput } from '../wire/effects.ts'
import type { HelloFrom, Message } from '../wire/messages.ts'
import type { Connection } from '../wire/net/connection.ts'
import { Connections } from '../wire/net/connections.ts'
import { type Core, Driver, type DriverOwner } from '../wire/net/driver.ts'
import { Guard, openAccess, type Proven } from '../wire/net/guard.ts'
import { acceptSocket } from '../wire/net/hello.ts'
import { MemoryRuntime } from '../wire/net/memory-runtime.ts'
import type { Timer } from '../wire/net/runtime.ts'
import type { Socket } from '../wire/net/socket.ts'

type Input = ConnectionInput | { readonly is: string }
type Own = { readonly do: 'say'; readonly text: string } | { readonly do: 'ask'; readonly input: Input }
type Effect = Own | ConnectionEffect

/** Timers wait for `fire`. */
class ByHand extends MemoryRuntime {
  readonly timers = new Map<Timer, { readonly ms: number; run(): void }>()

  constructor() {
    super(new Map())
  }

  override after(ms?: number, run?: () => void): Timer {
    const timer = {}
    this.timers.set(timer, { ms: ms as number, run: run as () => void })
    return timer
  }

  override afterQuietly(ms?: number, run?: () => void): Timer {
    return this.after(ms, run)
  }

  override cancel(timer?: Timer): void {
    if (timer !== undefined) this.timers.delete(timer)
  }

  /** The timers that are currently set. */
  fire(): void {
    const timers = [...this.timers.values()]
    this.timers.clear()
    for (const { run } of timers) run()
  }
}

const turnEnd: Input = { is: 'turn-end' }

/** A core that answers each input by its script, and the driver around it. */
function stage(script: (input: Input) => readonly Effect[], ends: Input | null = turnEnd) {
  const runtime = new ByHand()
  const seen: string[] = []
  const core = (name: string, does = script): Core<Input, Own> => ({
    step: input => {
      seen.push(`${name} ${input.is}`)
      return does(input)
    },
  })
  const owner: DriverOwner<'opening', Own> = {
    hear: input => driver.step(input),
    perform: effect => {
      if (effect.do === 'say') seen.push(effect.text)
      else driver.step(effect.input)
    },
    broken: error => {
      seen.push(String(error))
      driver.stop()
    },
  }
  const driver: Driver<'opening', Input, Own> = new Driver(runtime, core('core'), null, ends, owner)
  return { runtime, seen, core, owner, driver }
}

const say = (text: string): Own => ({ do: 'say', text })

t.test('an input that comes while effects are done waits until they are', async t => {
  const { driver, seen } = stage(({ is }) =>
    is === 'first' ? [{ do: 'ask', input: { is: 'second' } }, say('of the first')] : [],
  )
  driver.step({ is: 'first' })
  t.same(seen, ['core first', 'of the first', 'core second'])
})

t.test('a turn has one end, behind all of its inputs, and after that what they said goes out', async t => {
  const { driver, runtime, seen } = stage(() => [])
  driver.step({ is: 'one' })
  driver.step({ is: 'two' })
  runtime.run()
  t.same(seen, ['core one', 'core two', 'core turn-end'], 'the end itself brings no other')
  driver.step({ is: 'three' })
  runtime.run()
  t.same(seen.slice(3), ['core three', 'core turn-end'])
})

t.test('a core without an input for the end of a turn gets none', async t => {
  const { driver, runtime, seen } = stage(() => [], null)
  driver.step({ is: 'one' })
  runtime.run()
  t.same(seen, ['core one'])
})

t.test('V7: a tick comes a turn after its timer, behind what waits in the sockets', async t => {
  const { driver, runtime, seen } = stage(() => [])
  driver.every(100, { is: 'tick' })
  for (let i = 0; i < 2; i++) {
    t.same(
      [...runtime.timers.values()].map(({ ms }) => ms),
      [100],
      'set again by itself',
    )
    runtime.fire()
    driver.step({ is: 'read' })
    runtime.run()
  }
  t.same(seen, [
    ...['core read', 'core tick', 'core turn-end'],
    ...['core read', 'core tick', 'core turn-end'],
  ])
  runtime.fire()
  driver.stop()
  runtime.run()
  t.same([seen.length, runtime.timers.size], [6, 0], 'none once it has stopped')
})

t.test('V5: when a core is dropped, its open effects and its waiting inputs go with it', async t => {
  const { driver, seen, core, owner } = stage(() => [
    { do: 'ask', input: { is: 'late' } },
    say('change'),
    say('lost'),
  ])
  const { perform } = owner
  owner.perform = effect => {
    perform(effect)
    if (effect.do === 'say' && effect.text === 'change') driver.become(core('next', () => []))
  }
  driver.step({ is: 'first' })
  driver.step({ is: 'second' })
  t.same(seen, ['core first', 'change', 'next second'])
})

t.test('a core that throws breaks its server, once, and hears nothing more', async t => {
  const { driver, runtime, seen } = stage(() => {
    throw new Error('L1 is broken')
  })
  driver.step({ is: 'first' })
  driver.step({ is: 'second' })
  runtime.run()
  t.same(seen, ['core first', 'Error: L1 is broken'])
})

// ---- connections without a network

const client: HelloFrom = { kind: 'client', name: 'test' }

/** A listener in memory that echoes, and a driver that dials it. */
function pair(secret: string | null, theirs = secret) {
  const { runtime, seen, driver, owner } = stage(() => [])
  const heard: ConnectionInput[] = []
  const turnedAway: string[] = []
  owner.hear = input => void heard.push(input)
  const handlers: Parameters<typeof acceptSocket>[2] = {
    accepted: connection => ({
      messages: (messages: readonly Message[]) => {
        for (const message of messages) connection.send(['echoed', message[1]])
      },
      closed: reason => void seen.push(reason),
    }),
    turnedAway: reason => void turnedAway.push(reason),
  }
  const accept = (socket: Socket) =>
    acceptSocket(socket, { secret: theirs, role: 'lockserver' }, handlers, 'memory', runtime)
  runtime.listen('ws://here:1', accept)
  driver.connections.perform({
    do: 'dial',
    connection: -1,
    address: 'ws://here:1',
    cluster: null,
    from: client,
  })
  return { runtime, seen, driver, heard, turnedAway, accept }
}

t.test('a connection in memory: a hello, frames each way in their order, and an end', async t => {
  const { runtime, driver, heard, seen } = pair(null)
  runtime.run()
  const send = (number: number) =>
    driver.connections.perform({ do: 'send', connection: -1, message: ['echo', number] })
  for (const number of [1, 2, 3]) send(number)
  runtime.run()
  const messages = heard.flatMap(input => (input.is === 'messages' ? input.messages : []))
  t.same(messages, [
    ['echoed', 1],
    ['echoed', 2],
    ['echoed', 3],
  ])
  driver.connections.cutAll()
  runtime.run()
  t.match(seen, [/closed with 1006/])
})

t.test('the hello check works without a port: a wrong secret, and no hello in time', async t => {
  const { runtime, heard, turnedAway, accept } = pair(null, 'sesame')
  runtime.run()
  t.match(turnedAway, [/^WRONG_SECRET/])
  t.match(heard, [{ is: 'messages', messages: [['error', 'WRONG_SECRET']] }, { is: 'closed' }])
  const sent: string[] = []
  const send = (text: string) => void sent.push(text)
  accept({ open: true, bufferedAmount: 0, hear() {}, send, close() {}, cut() {} })
  runtime.fire()
  t.match(turnedAway[1], /^HELLO_TIMEOUT/)
  t.match(sent, [/HELLO_TIMEOUT/])
})

t.test('a dial to an address where no process listens fails', async t => {
  const { runtime, heard, driver } = pair(null)
  driver.connections.perform({
    do: 'dial',
    connection: -2,
    address: 'ws://there:1',
    cluster: null,
    from: client,
  })
  runtime.run()
  t.match(heard, [{ is: 'closed', connection: -2, refused: false }])
})

/** What a server with these secrets shows, one after the other, to one that takes these; and what its core hears of it. */
function dials(own: readonly string[], theirs: readonly string[]) {
  const runtime = new ByHand()
  const heard: ConnectionInput[] = []
  const shown: (string | null)[] = []
  const from: HelloFrom = { kind: 'probe' }
  const guard = new Guard({ ...openAccess, serverSecrets: theirs })
  class Telling extends Guard {
    override prove(kind: HelloFrom['kind'], proof: string | null): Proven {
      shown.push(proof)
      return guard.prove(kind, proof)
    }
  }
  const handlers = {
    accepted: (connection: Connection) => {
      connection.send(['echoed', 1])
      return { messages: () => {}, closed: () => {} }
    },
    turnedAway: () => {},
  }
  runtime.listen('ws://here:1', socket =>
    acceptSocket(
      socket,
      { secret: null, guard: new Telling(guard.access), role: 'lockserver' },
      handlers,
      'memory',
      runtime,
    ),
  )
  const { ownProofs } = new Guard({ ...openAccess, serverSecrets: own })
  const connections = new Connections(
    runtime,
    () => ownProofs,
    input => void heard.push(input),
  )
  connections.perform({ do: 'dial', connection: -1, address: 'ws://here:1', cluster: null, from })
  runtime.run()
  return { shown, heard }
}

t.test('A8: a server that dials shows its first secret, then its second, in one dial', async t => {
  const answered = { is: 'messages', connection: -1, messages: [['echoed', 1]] }
  for (const [own, theirs, shown] of [
    [['old'], ['old'], ['old']],
    [['new', 'old'], ['old'], ['new', 'old']],
    [['new', 'old'], ['new', 'old'], ['new']],
    [['old'], ['new', 'old'], ['old']],
    [['new'], ['new', 'old'], ['new']],
  ]) {
    const dial = dials(own ?? [], theirs ?? [])
    t.same(dial.shown, shown)
    t.match(dial.heard, [answered], 'its core hears of the one that was taken, and of no other')
    t.equal(dial.heard.length, 1)
  }
  const { shown, heard } = dials(['new'], ['old'])
  t.same(shown, ['new'])
  t.match(heard[0], { is: 'messages', messages: [['error', 'WRONG_SECRET']] }, 'else of the last refusal')
})

// A client, a primary and its backup as bare cores in one process, joined by the text of their frames: no
// sockets, no promises, no waiting. What each part then costs hardly depends on what else the machine does.

import type { ClientCore } from '../client/core.ts'
import type { ServerCore } from '../lockserver/core.ts'
import type { Counts } from '../lockserver/counts.ts'
import type { Message, View } from '../wire/messages.ts'

/** A build of Holdfast: the modules that take part, imported from its dist folder. */
export interface Build {
  readonly ClientCore: typeof ClientCore
  readonly ServerCore: typeof ServerCore
  readonly Counts: typeof Counts
  readonly stateLimits: ConstructorParameters<typeof ServerCore>[0]['limits']
  readonly frameMessagesMax: number
  readonly encode: (messages: readonly Message[]) => string
  readonly decode: (text: string, channel: 'clientToServer' | Channel) => Message[]
}
type Channel = 'serverToClient' | 'primaryToBackup' | 'backupToPrimary'

export async function load(dist: string): Promise<Build> {
  const at = async (path: string) => await import(`${dist}/${path}`)
  await at('wire/server-channels.js')
  const [client, server, counts, limits, codec] = await Promise.all(
    ['client/core.js', 'lockserver/core.js', 'lockserver/counts.js', 'wire/limits.js', 'wire/codec.js'].map(
      at,
    ),
  )
  return { ...client, ...server, ...counts, ...limits, ...codec }
}

export type Part = 'client' | 'primary' | 'backup'

const id = (digit: string) => digit.repeat(32)
const cluster = id('c')
const primary = { id: id('a'), address: 'ws://127.0.0.1:7401' }
const backup = { id: id('b'), address: 'ws://127.0.0.1:7402' }
const alone: View = { number: 1, primary, backup: null, start: { tokenFloor: 0, pauseMs: 0 } }
const both: View = { number: 2, primary, backup, start: null }
const welcomeOf = (kind: 'viewserver' | 'lockserver') => ({
  wire: 1,
  cluster,
  kind,
  id: kind === 'viewserver' ? null : primary.id,
  role: kind === 'viewserver' ? null : ('primary' as const),
  view: kind === 'viewserver' ? null : both,
  pingLimitMs: 500,
  whole: 0,
  sequence: 0,
})
/** Connections at the servers: the primary's at the backup, the client's at the primary. */
const fromPrimary = 1
const fromClient = 2

export class Parts {
  readonly us: Record<Part, number> = { client: 0, primary: 0, backup: 0 }
  readonly #build: Build
  readonly #counting: boolean
  readonly #client: ClientCore
  readonly #primary: ServerCore
  readonly #backup: ServerCore
  /** What each has said and nobody has read. */
  #toServer: Message[] = []
  #toClient: Message[] = []
  #toBackup: Message[] = []
  #toPrimary: Message[] = []
  /** The primary's own number of its connection to the backup, and the client's to the primary. */
  #replication = 0
  #session = 0
  #elapsedMs = 0
  #calls = 0
  #tokens: number[] = []
  #settled = 0

  /** `counting`: the servers count for their metrics, as real ones do. */
  constructor(build: Build, counting: boolean) {
    this.#build = build
    this.#counting = counting
    this.#primary = this.#server(primary)
    this.#backup = this.#server(backup)
    this.#client = new build.ClientCore({
      sessionId: id('d'),
      addresses: [primary.address],
      ttlMs: 10_000,
      name: 'bench',
      cluster: null,
      abandoned: [],
    })
    this.#introduce()
  }

  /** So many acquires at once, then their releases. */
  pairs(names: readonly string[]): void {
    this.#settled = 0
    this.#tokens = []
    this.#time('client', () => {
      const calls = names.map(name => {
        const call = { is: 'call', call: ++this.#calls, verb: 'acquire', names: [name] } as const
        return { ...call, mode: 'exclusive', manner: 'wait' } as const
      })
      this.#stepClient({ is: 'calls', calls })
    })
    this.#roundTrip()
    this.#time('client', () => {
      const calls = this.#tokens.map(token => {
        return { is: 'call', call: ++this.#calls, verb: 'release', token } as const
      })
      this.#stepClient({ is: 'calls', calls })
    })
    this.#roundTrip()
    if (this.#settled !== 2 * names.length)
      throw new Error(`${this.#settled} answers came to ${2 * names.length} calls`)
  }

  #server(server: typeof primary): ServerCore {
    return new this.#build.ServerCore({
      ...server,
      viewServers: ['ws://127.0.0.1:7400'],
      pingIntervalMs: 100,
      deadPings: 5,
      drainMs: 1_000,
      limits: this.#build.stateLimits,
      pid: 1,
      host: 'here',
      cluster,
      ...(this.#counting && { counts: new this.#build.Counts() }),
    })
  }

  #introduce(): void {
    const view = -1
    for (const server of [this.#primary, this.#backup]) {
      this.#stepServer(server, { is: 'tick' })
      this.#hear(server, view, ['welcome', welcomeOf('viewserver')])
    }
    for (const each of [alone, both])
      for (const server of [this.#primary, this.#backup]) this.#hear(server, view, ['view', each])
    const from = { kind: 'primary', id: primary.id, to: backup.id, view: both } as const
    this.#stepServer(this.#backup, { is: 'accepted', connection: fromPrimary, cluster, from })
    this.#settle()
    const client = { kind: 'client', name: 'bench' } as const
    this.#stepServer(this.#primary, { is: 'accepted', connection: fromClient, cluster, from: client })
    this.#toClient = []
    this.#stepClient({ is: 'wake', chance: 0 })
    const welcome: Message = ['welcome', welcomeOf('lockserver')]
    this.#stepClient({ is: 'messages', connection: this.#session, chance: 0, messages: [welcome] })
    this.#roundTrip()
    this.#roundTrip()
    if (!this.#client.opened) throw new Error('the client has no session')
  }

  #hear(server: ServerCore, connection: number, message: Message): void {
    this.#stepServer(server, { is: 'messages', connection, messages: [message] })
    this.#settle()
  }

  /** What the client has said, to its end. */
  #roundTrip(): void {
    const asked = this.#time('client', () => this.#frames(this.#toServer.splice(0)))
    this.#time('primary', () => {
      for (const text of asked) this.#read(this.#primary, fromClient, text, 'clientToServer')
      this.#stepServer(this.#primary, { is: 'turn-end' })
    })
    this.#settle()
    const answers = this.#time('primary', () => this.#frames(this.#toClient.splice(0)))
    this.#time('client', () => {
      for (const text of answers) {
        const messages = this.#build.decode(text, 'serverToClient')
        this.#stepClient({ is: 'messages', connection: this.#session, chance: 0, messages })
      }
    })
  }

  /** Primary and backup, until they have nothing more to say to each other. */
  #settle(): void {
    while (this.#toBackup.length + this.#toPrimary.length > 0) {
      const batches = this.#time('primary', () => this.#frames(this.#toBackup.splice(0)))
      const words = this.#time('backup', () => {
        for (const text of batches) this.#read(this.#backup, fromPrimary, text, 'primaryToBackup')
        return this.#frames(this.#toPrimary.splice(0))
      })
      this.#time('primary', () => {
        for (const text of words) this.#read(this.#primary, this.#replication, text, 'backupToPrimary')
      })
    }
  }

  #read(server: ServerCore, connection: number, text: string, channel: Channel | 'clientToServer'): void {
    this.#stepServer(server, { is: 'messages', connection, messages: this.#build.decode(text, channel) })
  }

  #frames(messages: Message[]): string[] {
    const { encode, frameMessagesMax } = this.#build
    const frames: string[] = []
    for (let i = 0; i < messages.length; i += frameMessagesMax)
      frames.push(encode(messages.slice(i, i + frameMessagesMax)))
    return frames
  }

  #stepServer(server: ServerCore, input: Parameters<ServerCore['step']>[0]): void {
    for (const effect of server.step(input, this.#now())) {
      if (effect.do === 'dial' && effect.from.kind === 'primary') this.#replication = effect.connection
      else if (effect.do === 'continue') this.#stepServer(server, { is: 'continue' })
      else if (effect.do !== 'send') continue
      else if (server === this.#backup && effect.connection === fromPrimary)
        this.#toPrimary.push(effect.message)
      else if (effect.connection === fromClient) this.#toClient.push(effect.message)
      else if (effect.connection === this.#replication) this.#toBackup.push(effect.message)
    }
  }

  #stepClient(input: Parameters<ClientCore['step']>[0]): void {
    for (const effect of this.#client.step(input, this.#now())) {
      if (effect.do === 'dial') this.#session ||= effect.connection
      else if (effect.do === 'send' && effect.connection === this.#session)
        this.#toServer.push(effect.message)
      else if (effect.do === 'settle') {
        this.#settled++
        if (effect.result.verb === 'acquire') this.#tokens.push(effect.result.tokens?.[0] as number)
      }
    }
  }

  /** A made-up clock: no lease may run out, however slow the machine is today. */
  #now(): { monotonic: number; wall: number } {
    this.#elapsedMs += 0.000_1
    return { monotonic: this.#elapsedMs, wall: 1_700_000_000_000 + this.#elapsedMs }
  }

  #time<T>(part: Part, run: () => T): T {
    const began = performance.now()
    const result = run()
    this.us[part] += (performance.now() - began) * 1_000
    return result
  }
}

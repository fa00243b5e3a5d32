// Asks one server one thing, without a session: for commands that must work when no client can get a lock.
// Every wait has a limit; an error says what was tried and what would be right.

import type { Message, MessageOf, SlotMap, Status, View, Welcome } from '../wire/messages.ts'
import type { Connection } from '../wire/net/connection.ts'
import { type DialHandlers, dial, helloOf } from '../wire/net/dial.ts'
import '../wire/operator-channels.ts'
import { proofOf, viewDefault } from './arguments.ts'
import { Failure } from './failure.ts'
import { dialRuntime } from './tls.ts'

/** The longest that a server may take for its welcome, and for an ordinary answer. */
export const answerWithinMs = 3_000

export interface Reach {
  readonly view: readonly string[] | undefined
  readonly secret: string | undefined
  readonly 'access-token'?: string | undefined
}

/** Who said where the server is: the user, who may have been wrong, or a server of the cluster. */
type Source = 'given' | 'told'

/** A server that has said welcome. */
export class AskedServer implements Disposable {
  readonly url: string
  readonly #connection: Connection
  #welcome: Welcome | undefined
  #hear: (message: Message) => boolean = () => false
  #fail: (error: Failure) => void = () => {}

  private constructor(url: string, secret: string | undefined, source: Source) {
    this.url = url
    const handlers: DialHandlers = {
      messages: messages => this.#messages(messages),
      closed: reason => this.#fail(new Failure(`${url} ended the connection: ${reason}`)),
      failed: (refused, { text }) => this.#fail(new NotReached(unreachable(url, refused, text, source))),
    }
    const hello = helloOf(null, secret ?? null, {
      kind: 'client',
      name: `holdfast command, pid ${process.pid}`,
    })
    this.#connection = dial(url, hello, handlers, dialRuntime()).connection
  }

  static async meet(url: string, secret: string | undefined, source: Source = 'given'): Promise<AskedServer> {
    const peer = new AskedServer(url, secret, source)
    try {
      await peer.#wait(() => peer.#welcome !== undefined, answerWithinMs)
      return peer
    } catch (error) {
      peer[Symbol.dispose]()
      throw error
    }
  }

  get welcome(): Welcome {
    return this.#welcome as Welcome
  }

  get isViewServer(): boolean {
    return this.welcome.kind === 'viewserver'
  }

  /** Sends it and passes every message that comes to `hear`, until `hear` says that it was the last. */
  async ask(message: Message, hear: (message: Message) => boolean, withinMs = answerWithinMs): Promise<void> {
    const done = this.#wait(hear, withinMs)
    this.#connection.send(message)
    await done
  }

  [Symbol.dispose](): void {
    if (this.#welcome === undefined) this.#connection.cut()
    else this.#connection.close(null, 'done')
  }

  #messages(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message[0] === 'error' || message[0] === 'query-refused' || message[0] === 'status-refused')
        this.#fail(new Failure(`${this.url} says ${refusalIn(message)}`))
      else if (message[0] === 'welcome') this.#onWelcome(message[1] as Welcome)
      this.#hear(message)
    }
  }

  #onWelcome(welcome: Welcome): void {
    this.#welcome = welcome
    if (welcome.kind === 'viewserver') this.#connection.channel = 'viewToClient'
  }

  async #wait(hear: (message: Message) => boolean, withinMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        this.#fail = reject
        this.#hear = message => {
          const last = hear(message)
          if (last) resolve()
          return last
        }
        timer = setTimeout(() => reject(new TooLate(this.url, withinMs)), withinMs)
      })
    } finally {
      clearTimeout(timer)
      this.#hear = () => false
      this.#fail = () => {}
    }
  }
}

/** There is no connection to the server. */
export class NotReached extends Failure {}

/** The server is there, but did not answer in time. */
export class TooLate extends Failure {
  constructor(url: string, withinMs: number) {
    super(`${url} did not answer within ${withinMs} ms; it may be frozen, or is no Holdfast server`)
  }
}

/** The first of the URLs that is a view server and answers. */
export async function meetViewServer({ view, ...reach }: Reach): Promise<AskedServer> {
  let trouble: unknown
  for (const url of view ?? [viewDefault]) {
    try {
      const peer = await AskedServer.meet(url, proofOf(reach))
      if (peer.isViewServer) return peer
      peer[Symbol.dispose]()
      trouble = new Failure(
        `${url} is a lock server (${peer.welcome.role}), not the view server; give --view the URL that this lock server was given as its own --view`,
      )
    } catch (error) {
      trouble ??= error
    }
  }
  throw trouble
}

/** What servers know of the cluster's groups (G1). */
export interface KnownGroups {
  /** The newest view of each group that is known. */
  readonly views: ReadonlyMap<number, View>
  /** Null: there is no view yet. */
  readonly map: SlotMap | null
}

/** The newest view of a group that any of the URLs knows, of a view server or a lock server. */
export async function findView(reach: Reach, group = 0): Promise<View | null> {
  return (await findGroups(reach)).views.get(group) ?? null
}

export async function findGroups({ view, ...reach }: Reach): Promise<KnownGroups> {
  const views = new Map<number, View>()
  let map: SlotMap | null = null
  let trouble: unknown
  let answered = false
  for (const url of view ?? [viewDefault]) {
    try {
      using peer = await AskedServer.meet(url, proofOf(reach))
      answered = true
      const { view: own, others, map: told } = peer.welcome
      for (const known of own === null ? others : [own, ...others])
        if (known.number > (views.get(known.group)?.number ?? 0)) views.set(known.group, known)
      if (told !== null && told.number > (map?.number ?? 0)) map = told
    } catch (error) {
      trouble ??= error
    }
  }
  if (!answered) throw trouble
  return { views, map }
}

export async function askStatus(peer: AskedServer): Promise<Status> {
  let status: Status | undefined
  await peer.ask(['status', 1], message => {
    const answer = message as MessageOf<'viewToClient'>
    if (answer[0] !== 'status') return false
    status = answer[2]
    return true
  })
  return status as Status
}

export async function statusOf(reach: Reach): Promise<Status> {
  using peer = await meetViewServer(reach)
  return await askStatus(peer)
}

/** Code and explanation. */
function refusalIn(message: Message): string {
  return message.slice(-2).join(': ')
}

const loopback = /^(localhost|127\.[\d.]+|\[::1\])$/

/** What is right for trying it out on one machine is wrong where servers run on others. */
export function isLocal(url: string): boolean {
  return loopback.test(new URL(url).hostname)
}

function unreachable(url: string, refused: boolean, reason: string, source: Source): string {
  const what = refused ? `nothing listens at ${url}` : `${url} ${reason}`
  if (source === 'told') return what
  const right = 'give --view (HOLDFAST_VIEW) the right URL'
  if (!refused) return what.endsWith('?') ? `${what} Otherwise ${right}` : `${what}; otherwise ${right}`
  const start = isLocal(url) ? "start one with 'holdfast cluster', or " : ''
  return `${what}; ${start}${right}`
}

// The live picture of a local cluster: asks how it is, shows it below what is printed, and does what the keys
// say. Only for who sits at a terminal; what a key means is decided in live-keys.ts.

import { spawn } from 'node:child_process'
import { readClock } from '../wire/clock.ts'
import type { Status } from '../wire/messages.ts'
import { proofOf } from '../wire/proof.ts'
import { messageOf } from './failure.ts'
import { type Act, onKey, type Scene } from './live-keys.ts'
import { type Load, type Member, pictureLines } from './live-picture.ts'
import { Screen } from './screen.ts'

/** The processes of the cluster, as the one who started them can act on them. */
export interface Crew {
  /** The view server first. */
  members(): readonly Member[]
  signal(pid: number, signal: NodeJS.Signals): void
  /** Resolves with one more lock server, which listens. */
  add(): Promise<Member>
  quit(): void
}

/** What the primary tells of itself. */
interface Stats {
  readonly operations: Readonly<Record<string, number>>
  readonly vitals: { readonly held: number; readonly waiting: number }
}

const lookEveryMs = 500
const answerWithinMs = 1_000

export class Live {
  readonly #crew: Crew
  readonly #screen = new Screen(key => this.#typed(key))
  readonly #frozen = new Set<number>()
  #status: Status | null = null
  #gap: { ms: number; at: number } | null = null
  #load: Load | null = null
  /** The counts before, to tell how many a second. */
  #counted: { of: string; operations: number; at: number } | null = null
  #doomed: number | null = null
  #note = ''
  /** One key after another, also when each takes a moment. */
  #keys: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #open = false

  constructor(crew: Crew) {
    this.#crew = crew
  }

  /** From now on the picture is there. */
  open(): void {
    this.#open = true
    this.#screen.open()
    void this.#keepLooking()
  }

  /** The terminal is as it was. */
  close(): void {
    this.#open = false
    clearTimeout(this.#timer)
    this.#screen.close()
  }

  /** One line that stays, above the picture. */
  say(line: string): void {
    this.#screen.say(line)
  }

  gap(ms: number): void {
    this.#gap = { ms, at: readClock().monotonic }
  }

  /** Something has changed that the view server may know more of. */
  async look(): Promise<void> {
    if (!this.#open) return
    this.#status = await this.#ask<Status>('/view')
    this.#show()
  }

  async #keepLooking(): Promise<void> {
    if (!this.#open) return
    await Promise.all([this.look(), this.#count()])
    this.#show()
    if (this.#open) this.#timer = setTimeout(() => void this.#keepLooking(), lookEveryMs)
  }

  /** Null when it does not answer. */
  async #ask<T>(path: string): Promise<T | null> {
    const [viewServer] = this.#crew.members()
    try {
      const answer = await fetch(new URL(path, viewServer?.url.replace(/^ws/, 'http')), {
        headers: proofOf(process.env.HOLDFAST_SECRET ?? null),
        signal: AbortSignal.timeout(answerWithinMs),
      })
      return answer.ok ? ((await answer.json()) as T) : null
    } catch {
      return null
    }
  }

  async #count(): Promise<void> {
    const of = this.#status?.view?.primary.id ?? ''
    const stats = await this.#ask<Stats>('/stats')
    const before = this.#counted
    this.#counted = null
    this.#load = null
    if (stats === null) return
    const operations = Object.values(stats.operations).reduce((sum, n) => sum + n, 0)
    const at = readClock().monotonic
    this.#counted = { of, operations, at }
    if (before?.of !== of || operations < before.operations) return
    const operationsPerSecond = ((operations - before.operations) * 1_000) / (at - before.at)
    this.#load = { operationsPerSecond, held: stats.vitals.held, waiting: stats.vitals.waiting }
  }

  #show(): void {
    if (!this.#open) return
    this.#forgetGone()
    const gap = this.#gap && { ms: this.#gap.ms, agoMs: readClock().monotonic - this.#gap.at }
    const lines = pictureLines({
      status: this.#status,
      members: this.#crew.members(),
      frozen: this.#frozen,
      gap,
      load: this.#load,
      note: this.#note,
    })
    this.#screen.show(lines)
  }

  /** A pid is given away again after a while. */
  #forgetGone(): void {
    const pids = new Set(this.#crew.members().map(({ pid }) => pid))
    for (const pid of this.#frozen) if (!pids.has(pid)) this.#frozen.delete(pid)
  }

  /** To quit nobody is waited for. */
  #typed(key: string): void {
    if (onKey(key, this.#scene()).act === 'quit') this.#crew.quit()
    else this.#keys = this.#keys.then(() => this.#onKey(key))
  }

  async #onKey(key: string): Promise<void> {
    // Who is who may have changed since the last look.
    if ('pbfy'.includes(key)) await this.look()
    const act = onKey(key, this.#scene())
    this.#doomed = act.act === 'ask' ? act.pid : null
    this.#note = await this.#do(act)
    this.#show()
  }

  #scene(): Scene {
    const members = this.#crew.members().flatMap(({ url, pid }) => (pid === undefined ? [] : [{ url, pid }]))
    const running = members.map(({ pid }) => pid)
    return {
      status: this.#status,
      pids: new Map(members.map(({ url, pid }) => [url, pid])),
      running: new Set(running.filter(pid => !this.#frozen.has(pid))),
      frozen: this.#frozen,
      doomed: this.#doomed,
    }
  }

  /** What there is to tell about it. */
  async #do(act: Act): Promise<string> {
    switch (act.act) {
      case 'kill':
        this.#crew.signal(act.pid, 'SIGKILL')
        return `killed ${act.who}`
      case 'freeze':
        this.#frozen.add(act.pid)
        this.#crew.signal(act.pid, 'SIGSTOP')
        return `froze ${act.who}; t thaws it`
      case 'thaw':
        return this.#thaw(act.pids)
      case 'add':
        return await this.#add()
      case 'open':
        return this.#openDashboard()
      case 'quit':
        this.#crew.quit()
        return ''
      case 'suspend':
        this.#screen.suspend()
        return ''
      case 'ask':
      case 'say':
        return act.text
      case 'nothing':
        return ''
    }
  }

  #thaw(pids: readonly number[]): string {
    for (const pid of pids) this.#crew.signal(pid, 'SIGCONT')
    this.#frozen.clear()
    return `thawed pid ${pids.join(', ')}`
  }

  async #add(): Promise<string> {
    try {
      const { name, url } = await this.#crew.add()
      return `${name} listens at ${url}`
    } catch (error) {
      return messageOf(error)
    }
  }

  /** Where there is nothing to open it with, its address is told all the same. */
  #openDashboard(): string {
    const [viewServer] = this.#crew.members()
    const page = `${viewServer?.url.replace(/^ws/, 'http')}/`
    const opener = process.platform === 'darwin' ? 'open' : 'xdg-open'
    spawn(opener, [page], { stdio: 'ignore', detached: true })
      .on('error', () => {})
      .unref()
    return `the dashboard: ${page}`
  }
}

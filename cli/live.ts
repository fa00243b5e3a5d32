// The live picture of a local cluster: asks for its status, shows it below what is printed, and does what the
// keys say. Only on a terminal; live-keys.ts decides what a key means.

import { spawn } from 'node:child_process'
import { readClock } from '../wire/clock.ts'
import type { Status } from '../wire/messages.ts'
import { askPage } from '../wire/serving/peer-page.ts'
import { messageOf } from './failure.ts'
import { type Act, onKey, type Scene } from './live-keys.ts'
import { type Load, type Member, pictureLines } from './live-picture.ts'
import { Screen } from './screen.ts'
import { dialTls } from './tls.ts'

/** The processes of the cluster, and what their parent can do to them. */
export interface Crew {
  /** The view server comes first. */
  members(): readonly Member[]
  signal(pid: number, signal: NodeJS.Signals): void
  /** Resolves with one more lock server, once it listens. */
  add(): Promise<Member>
  quit(): void
}

/** What the primary reports of itself. */
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
  /** The previous counts, to compute operations per second. */
  #counted: { of: string; operations: number; at: number } | null = null
  #doomed: number | null = null
  #note = ''
  /** Keys are handled one after another, even if each takes a moment. */
  #keys: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined
  #open = false

  constructor(crew: Crew) {
    this.#crew = crew
  }

  /** Shows the picture from now on. */
  open(): void {
    this.#open = true
    this.#screen.open()
    void this.#keepLooking()
  }

  /** Restores the terminal. */
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

  /** Something has changed that the view server may know more about. */
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
      const { status, body } = await askPage(viewServer?.url ?? '', path, {
        secret: process.env.HOLDFAST_SECRET ?? null,
        withinMs: answerWithinMs,
        tls: dialTls(),
      })
      return status === 200 ? (JSON.parse(body.toString()) as T) : null
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

  /** The system may give the pid to another process after a while. */
  #forgetGone(): void {
    const pids = new Set(this.#crew.members().map(({ pid }) => pid))
    for (const pid of this.#frozen) if (!pids.has(pid)) this.#frozen.delete(pid)
  }

  /** Quitting waits for no other key. */
  #typed(key: string): void {
    if (onKey(key, this.#scene()).act === 'quit') this.#crew.quit()
    else this.#keys = this.#keys.then(() => this.#onKey(key))
  }

  async #onKey(key: string): Promise<void> {
    // The roles may have changed since the last look.
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

  /** Does it and returns the note to show. */
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

  /** If no program can open it, the note shows its address anyway. */
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

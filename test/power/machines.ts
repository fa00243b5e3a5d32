// The servers of a cluster on disk as machines of their own: each a process of the command at its address, with its folder.
// They lose their power and come back, in any order. What ends by itself is noted.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Status } from '../../wire/messages.ts'
import { begin } from '../fixtures/begun.ts'
import { until } from '../fixtures/deadline.ts'
import { freePort } from '../fixtures/server-processes.ts'
import { lockServers } from './plan.ts'
import type { Settings } from './server-settings.ts'

const command = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const settingsModule = new URL('./server-settings.js', import.meta.url)

export class PowerMachine {
  readonly url: string
  readonly name: string
  readonly folder: string
  /** Ends that no one asked for. */
  readonly troubles: string[] = []
  readonly #words: readonly string[]
  readonly #log: string
  #child: ChildProcess | undefined
  #gone: Promise<unknown> = Promise.resolve()
  #mayEnd = true

  constructor(name: string, port: number, folder: string, words: readonly string[]) {
    this.name = name
    this.url = `ws://127.0.0.1:${port}`
    this.folder = join(folder, name, 'data')
    this.#log = join(folder, `${name}.log`)
    mkdirSync(join(folder, name), { recursive: true })
    this.#words = [...words, '--listen', `127.0.0.1:${port}`, '--data', this.folder]
  }

  get isOn(): boolean {
    return this.#child !== undefined
  }

  start(): void {
    const log = openSync(this.#log, 'a')
    // The channel's end tells it that this process is gone.
    const child = spawn(process.execPath, this.#words, {
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...process.env, HOLDFAST_UNREHEARSED: '1' },
    })
    closeSync(log)
    this.#child = child
    this.#mayEnd = false
    this.#gone = once(child, 'exit').then(([status, signal]) => {
      if (!this.#mayEnd)
        this.troubles.push(`${this.name} ended by itself (${signal ?? status}): ${this.#last}`)
    })
  }

  /** From now on its end is no surprise. */
  expectEnd(): void {
    this.#mayEnd = true
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Resolves when the process is gone. */
  async kill(): Promise<void> {
    this.expectEnd()
    this.signal('SIGKILL')
    await this.#gone
    this.#child = undefined
  }

  get #last(): string {
    return readFileSync(this.#log, 'utf8').trimEnd().split('\n').at(-1) ?? ''
  }
}

export class PowerMachines {
  readonly view: PowerMachine
  readonly locks: readonly PowerMachine[]

  static async at(folder: string, settings: Settings): Promise<PowerMachines> {
    const ports: number[] = []
    for (let i = 0; i <= lockServers; i++) ports.push(await freePort())
    return new PowerMachines(folder, ports, settings)
  }

  private constructor(folder: string, [viewPort = 0, ...ports]: readonly number[], settings: Settings) {
    this.view = new PowerMachine('view', viewPort, folder, [command, 'viewserver'])
    const set = `${settingsModule}?${encodeURIComponent(JSON.stringify(settings))}`
    const words = ['--import', set, command, 'lockserver', '--view', this.view.url]
    this.locks = ports.map((port, i) => new PowerMachine(`lock-${i + 1}`, port, folder, words))
  }

  get all(): readonly PowerMachine[] {
    return [this.view, ...this.locks]
  }

  get urls(): string[] {
    return this.all.map(({ url }) => url)
  }

  async startNew(): Promise<void> {
    await begin(this.view.folder, 'disk')
    this.view.start()
    for (const lock of this.locks) lock.start()
  }

  named(address: string): PowerMachine {
    const found = this.locks.find(({ url }) => url === address)
    if (found === undefined) throw new Error(`no lock server of ours is at ${address}`)
    return found
  }

  /** Null: the view server does not answer just now. */
  async status(): Promise<Status | null> {
    try {
      const url = `${this.view.url.replace('ws:', 'http:')}/view`
      const response = await fetch(url, { signal: AbortSignal.timeout(1_000) })
      return (await response.json()) as Status
    } catch {
      return null
    }
  }

  /** Waits until a backup is in sync and every machine is there. */
  async whole(withinMs = 60_000): Promise<{ primary: PowerMachine; backup: PowerMachine }> {
    let status: Status | null = null
    await until(
      () => `all are there, and a backup is in sync: ${JSON.stringify(status)}`,
      async () => {
        status = await this.status()
        return status !== null && isWhole(status)
      },
      withinMs,
    )
    const { view } = status as unknown as Status
    return {
      primary: this.named(view?.primary.address ?? ''),
      backup: this.named(view?.backup?.address ?? ''),
    }
  }

  takeTroubles(): string[] {
    return this.all.flatMap(({ troubles }) => troubles.splice(0))
  }
}

function isWhole({ acked, survives, servers }: Status): boolean {
  return acked && survives > 0 && servers.filter(({ alive }) => alive).length === lockServers
}

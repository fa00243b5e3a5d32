// One server process of a local cluster: started, its log written to a file, started again after its
// death with a growing pause. It ends when its IPC channel closes, so none outlives the cluster.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { readClock } from '../wire/clock.ts'
import { Failure, messageOf } from './failure.ts'
import { answerSignalAsk, isSignalAsk, type SyncSignal } from './signal-asks.ts'

const main = fileURLToPath(new URL('main.js', import.meta.url))

/** The first pause before a restart; doubled for each death soon after a start. */
const pauseMs = 200
const pauseMsMax = 10_000
/** A process that has lived this long did not die because of its start. */
const steadyMs = 10_000

export interface Death {
  readonly pid: number
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly restartMs: number
}

export interface ChildOptions {
  /** For display, and for the name of the log file. */
  readonly name: string
  readonly logFile: string
  readonly environment: NodeJS.ProcessEnv
  /** The arguments of a start; `port` is 0 the first time if any port will do. */
  readonly args: (port: number, again: boolean) => readonly string[]
  readonly port: number
  readonly listening: (child: Child) => void
  readonly died: (child: Child, death: Death) => void
  /** It asks for another's death. */
  readonly signal: SyncSignal
}

export class Child {
  readonly #options: ChildOptions
  #process: ChildProcess | undefined
  #port: number
  #log = -1
  #lastWords = ''
  #earlyDeaths = 0
  #restart: NodeJS.Timeout | undefined
  #ending = false
  #exited: Promise<void> = Promise.resolve()
  url = ''
  /** It has died before, and was started again. */
  again = false

  constructor(options: ChildOptions) {
    this.#options = options
    this.#port = options.port
  }

  get name(): string {
    return this.#options.name
  }

  /** Undefined while it is not running. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Resolves when it listens for the first time; rejects with its last output if it ends before. */
  async start(): Promise<void> {
    this.#log = openLog(this.#options.logFile)
    await new Promise<void>((resolve, reject) => {
      const child = this.#spawn(false)
      child.once('message', () => resolve())
      child.once('error', error => reject(new Failure(`can't start ${this.name}: ${error.message}`)))
      // Its last output may come after its exit, but before its close.
      child.once('close', () => {
        reject(new Failure(this.#lastWords.replace(/^holdfast: /, '') || `${this.name} ended at its start`))
      })
    })
  }

  /** SIGTERM, and SIGKILL if it is still there after `patienceMs`. */
  async end(patienceMs: number): Promise<void> {
    this.#ending = true
    clearTimeout(this.#restart)
    this.kill('SIGTERM')
    const kill = setTimeout(() => this.kill('SIGKILL'), patienceMs)
    await this.#exited
    clearTimeout(kill)
    if (this.#log >= 0) closeSync(this.#log)
    this.#log = -1
  }

  kill(signal: NodeJS.Signals): void {
    this.#process?.kill(signal)
  }

  /** Several servers share this machine: V8 gets as many threads as there are cores, not four in each. */
  #spawn(again: boolean): ChildProcess {
    this.again = again
    const startedAt = readClock().monotonic
    const args = ['--v8-pool-size=0', main, ...this.#options.args(this.#port, again)]
    const child = spawn(process.execPath, args, {
      // Its own process group: only the cluster handles Ctrl-C on the terminal.
      detached: true,
      stdio: ['ignore', this.#log, 'pipe', 'ipc'],
      env: this.#options.environment,
    })
    this.#process = child
    child.stderr?.on('data', data => this.#onStderr(data))
    child.on('message', message => this.#onMessage(child, message))
    child.on('error', () => {})
    this.#exited = new Promise(resolve => {
      child.once('close', () => resolve())
      child.once('exit', (code, signal) => this.#onExit(child, code, signal, startedAt))
    })
    return child
  }

  #onStderr(data: Buffer): void {
    if (this.#log >= 0) writeSync(this.#log, data)
    this.#lastWords = data.toString().trim().split('\n').at(-1) ?? ''
  }

  #onMessage(child: ChildProcess, message: unknown): void {
    if (!isSignalAsk(message)) this.#onListening(message as { url: string })
    else if (child.connected) child.send(answerSignalAsk(message, this.#options.signal))
  }

  #onListening({ url }: { url: string }): void {
    this.url = url
    this.#port = Number(new URL(url).port)
    this.#options.listening(this)
  }

  #onExit(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null, startedAt: number): void {
    this.#process = undefined
    if (this.#ending || this.url === '') return
    const early = readClock().monotonic - startedAt < steadyMs
    const restartMs = Math.min(pauseMs * 2 ** (early ? this.#earlyDeaths : 0), pauseMsMax)
    this.#earlyDeaths = early ? this.#earlyDeaths + 1 : 0
    this.#restart = setTimeout(() => this.#spawn(true), restartMs)
    this.#options.died(this, { pid: child.pid ?? 0, code, signal, restartMs })
  }
}

/** Names of clients are in it, so it is for its owner only; never through a link, and never into a pipe. */
function openLog(path: string): number {
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  try {
    const file = openSync(path, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW | O_NONBLOCK, 0o600)
    if (fstatSync(file).isFile()) return file
    closeSync(file)
  } catch (error) {
    throw new Failure(`can't write the log ${path}: ${messageOf(error)}`)
  }
  throw new Failure(`can't write the log ${path}: it is no file`)
}

// What a container engine does, as far as it matters to a server: files of an image that can't be written, volumes, names,
// an address, pids and a user of its own, signals to process 1, and a start again when it has ended. It knows no Holdfast.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { RealNetwork } from '../faults/network.ts'
import { until } from '../fixtures/deadline.ts'
import type { Image } from './image.ts'

const execute = promisify(execFile)

export interface Mount {
  readonly from: string
  readonly to: string
  readonly readOnly: boolean
}

export interface Container {
  readonly name: string
  /** By which the others find it. */
  readonly names: readonly string[]
  /** In place of the image's. */
  readonly entryPoint?: readonly string[]
  /** What follows the entry point. */
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly mounts: readonly Mount[]
}

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const devices = ['null', 'zero', 'random', 'urandom']
/** An engine waits a little before it starts again what has ended. */
const restartMs = 200

export class Engine implements AsyncDisposable {
  readonly #image: Image
  readonly #network: RealNetwork
  readonly #work: string
  readonly #all = new Map<string, StartedContainer>()

  /** `nodes` of the network: as many as containers. */
  constructor(image: Image, network: RealNetwork, work: string) {
    this.#image = image
    this.#network = network
    this.#work = work
  }

  /** All at once, as if the machine had just booted. */
  run(containers: readonly Container[]): void {
    const hosts = join(this.#work, 'hosts')
    const lines = containers.map(({ names }, i) => `${this.#network.hostOf(nodeOf(i))} ${names.join(' ')}\n`)
    writeFileSync(hosts, `127.0.0.1 localhost\n${lines.join('')}`)
    for (const [i, container] of containers.entries()) {
      const mounts = [...container.mounts, { from: hosts, to: '/etc/hosts', readOnly: true }]
      this.#prepare(mounts)
      const { within } = this.#network.place(nodeOf(i))
      this.#all.set(container.name, new StartedContainer({ ...container, mounts }, this.#image, within))
    }
  }

  get(name: string): StartedContainer {
    const found = this.#all.get(name)
    if (found === undefined) throw new Error(`there is no container ${name}`)
    return found
  }

  get names(): string[] {
    return [...this.#all.keys()]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#all.values()].map(running => running.stop('SIGKILL')))
    this.#all.clear()
  }

  /** Where something is mounted, there must be something. */
  #prepare(mounts: readonly Mount[]): void {
    for (const { from, to } of mounts) this.#place(to, statSync(from).isDirectory())
    this.#place('/proc', true)
    for (const device of devices) this.#place(`/dev/${device}`, false)
  }

  #place(path: string, folder: boolean): void {
    const place = join(this.#image.folder, path)
    if (existsSync(place)) return
    mkdirSync(folder ? place : dirname(place), { recursive: true })
    if (!folder) writeFileSync(place, '')
  }
}

/** Names of interfaces are short. */
export function nodeOf(index: number): string {
  return `c${index}`
}

export class StartedContainer {
  readonly container: Container
  readonly #image: Image
  readonly #within: readonly string[]
  #child: ChildProcess
  #stopped = false
  #output = ''
  #starts = 0

  constructor(container: Container, image: Image, within: readonly string[]) {
    this.container = container
    this.#image = image
    this.#within = within
    this.#child = this.#start()
  }

  /** All that it has written so far, over all of its starts. */
  get output(): string {
    return this.#output
  }

  get starts(): number {
    return this.#starts
  }

  /** Runs a command in it, as `docker exec` and `kubectl exec` do. */
  async exec(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    const child = execute('nsenter', [...(await this.#inside()), ...this.#words(words, environment)])
    return await child.then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: Ended) => error,
    )
  }

  /** The same; resolves when it has written its first line. */
  async execLong(words: readonly string[]): Promise<LongCommand> {
    const args = [...(await this.#inside()), ...this.#words(words, {})]
    return await LongCommand.begin(spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'pipe'] }))
  }

  /** What a probe of `httpGet` sees, from outside of the container: the status, or 0. */
  async httpGet(path: string, port: number): Promise<number> {
    const ask = `fetch('http://127.0.0.1:${port}${path}').then(r => console.log(r.status), () => console.log(0))`
    const [program = '', ...rest] = [...this.#within, process.execPath, '-e', ask]
    return Number((await execute(program, rest)).stdout)
  }

  /** To process 1. */
  async signal(name: NodeJS.Signals): Promise<void> {
    process.kill(await this.#pid(), name)
  }

  /** To what process 1 has started. */
  async signalServer(name: NodeJS.Signals): Promise<void> {
    process.kill(there(childrenOf(await this.#pid())[0], 'process in it'), name)
  }

  /** The user of what process 1 has started. */
  async user(): Promise<number> {
    const [pid] = childrenOf(await this.#pid())
    return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  }

  /** Ends it for good; resolves with its exit code, or with the signal. */
  async stop(name: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    this.#stopped = true
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise(resolve => this.#child.once('exit', resolve))
      if (name === 'SIGKILL') this.#child.kill(name)
      else await this.signal(name)
      await ended
    }
    return this.#child.exitCode ?? (this.#child.signalCode as NodeJS.Signals)
  }

  /** Starts it again after it was stopped. */
  startAgain(): void {
    this.#stopped = false
    this.#child = this.#start()
  }

  #start(): ChildProcess {
    this.#starts++
    const { entryPoint = this.#image.config.Entrypoint, args } = this.container
    const words = this.#words([...entryPoint, ...args], {})
    const { User } = this.#image.config
    const script = [
      ...this.#mounts(),
      `exec chroot --userspec=${User} ${this.#image.folder} ${words.map(quote).join(' ')}`,
    ]
    const own = [
      'unshare',
      '--mount',
      '--uts',
      '--pid',
      '--fork',
      '--kill-child',
      'sh',
      '-ec',
      script.join('\n'),
    ]
    const [program = '', ...rest] = [...this.#within, ...own]
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', data => {
        this.#output += data
      })
    child.once('exit', () => void this.#restart(child))
    return child
  }

  async #restart(child: ChildProcess): Promise<void> {
    await pause(restartMs)
    if (!this.#stopped && child === this.#child) this.#child = this.#start()
  }

  #mounts(): string[] {
    const root = this.#image.folder
    const bound = this.container.mounts.flatMap(({ from, to, readOnly }) => [
      `mount --bind ${quote(from)} ${root}${to}`,
      ...(readOnly ? [`mount -o remount,bind,ro ${root}${to}`] : []),
    ])
    return [
      `echo ${this.container.name} > /proc/sys/kernel/hostname`,
      `mount --bind ${root} ${root}`,
      `mount -t proc proc ${root}/proc`,
      ...devices.map(device => `mount --bind /dev/${device} ${root}/dev/${device}`),
      ...bound,
      `mount -o remount,bind,ro ${root}`,
    ]
  }

  /** With the image's environment and the container's, and nothing of this machine's. */
  #words(words: readonly string[], environment: Readonly<Record<string, string>>): string[] {
    const { Env, WorkingDir } = this.#image.config
    const own = Object.entries({ ...this.container.environment, ...environment })
    const all = [...Env, ...own.map(([name, value]) => `${name}=${value}`)]
    return ['/usr/bin/env', '-i', `--chdir=${WorkingDir}`, ...all, ...words]
  }

  async #inside(): Promise<string[]> {
    const [user = '', group = ''] = this.#image.config.User.split(':')
    const spaces = ['--mount', '--uts', '--pid', '--net', '--root']
    return ['--target', `${await this.#pid()}`, ...spaces, '--setuid', user, '--setgid', group]
  }

  /** Of its process 1, as this machine counts. */
  async #pid(): Promise<number> {
    return await until(`${this.container.name} runs`, () => {
      const [pid] = childrenOf(this.#child.pid as number)
      // Until then it is the shell that prepares its mounts.
      return pid !== undefined && commandOf(pid).startsWith(this.#image.config.Entrypoint[0] as string) && pid
    })
  }
}

/** A command that was started in a container, and goes on. */
export class LongCommand {
  /** What it has written by the end of its first line. */
  readonly said: string
  readonly ended: Promise<number | NodeJS.Signals>
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, said: string, ended: Promise<number | NodeJS.Signals>) {
    this.#child = child
    this.said = said
    this.ended = ended
  }

  static async begin(child: ChildProcess): Promise<LongCommand> {
    let [said, errors] = ['', '']
    child.stdout?.on('data', data => {
      said += data
    })
    child.stderr?.on('data', data => {
      errors += data
    })
    const ended = new Promise<number | NodeJS.Signals>(resolve =>
      child.once('exit', (code, signal) => resolve(code ?? (signal as NodeJS.Signals))),
    )
    await until(
      () => `it says something: ${errors}`,
      () => child.exitCode !== null || said.includes('\n'),
      30_000,
    )
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${errors}`)
    return new LongCommand(child, said.trim(), ended)
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** nsenter passes no signal on to what it has started. */
  async end(): Promise<number | NodeJS.Signals> {
    for (const pid of childrenOf(this.#child.pid as number)) process.kill(pid, 'SIGTERM')
    return await this.ended
  }
}

function there<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is no ${what}`)
  return value
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

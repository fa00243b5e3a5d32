// A cluster of real processes, as an operator would start them, to be killed and frozen by the
// scenarios. Everything that was started is ended again.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Status } from '../../wire/messages.ts'

const command = fileURLToPath(new URL('../../cli/main.js', import.meta.url))

interface Program {
  readonly args: string[]
  child: ChildProcess
  exited: Promise<number | null>
}

export class Processes {
  readonly data = mkdtempSync(join(tmpdir(), 'holdfast-failover-'))
  #viewPort = 0
  #viewServer: Program | undefined
  /** By port, which stays when a server is started again. */
  readonly #servers = new Map<number, Program>()

  get viewUrl(): string {
    return `ws://127.0.0.1:${this.#viewPort}`
  }

  async start(servers: number): Promise<void> {
    this.#viewPort = await freePort()
    await this.startViewServer(true)
    for (let i = 0; i < servers; i++) await this.startServer(await freePort())
    if (servers > 0) await this.healthy(servers)
  }

  async startViewServer(isNew = false): Promise<void> {
    const args = ['viewserver', '--listen', `127.0.0.1:${this.#viewPort}`, '--data', this.data]
    this.#viewServer = await run(isNew ? [...args, '--new-cluster'] : args)
  }

  async startServer(port: number): Promise<void> {
    this.#servers.set(
      port,
      await run(['lockserver', '--listen', `127.0.0.1:${port}`, '--view', this.viewUrl]),
    )
  }

  get viewServerPid(): number {
    return this.#viewServer?.child.pid as number
  }

  /** Kills with the signal; resolves with the port to start it again on, and the exit status, when it is gone. */
  async kill(
    address: string,
    signal: NodeJS.Signals = 'SIGKILL',
  ): Promise<{ port: number; status: number | null }> {
    const port = Number(new URL(address).port)
    const program = this.#servers.get(port) as Program
    program.child.kill(signal)
    const status = await program.exited
    return { port, status }
  }

  async killViewServer(): Promise<void> {
    this.#viewServer?.child.kill('SIGKILL')
    await this.#viewServer?.exited
  }

  signal(address: string, signal: NodeJS.Signals): void {
    this.#servers.get(Number(new URL(address).port))?.child.kill(signal)
  }

  async status(): Promise<Status | null> {
    try {
      const response = await fetch(`${this.viewUrl.replace('ws:', 'http:')}/view`)
      return (await response.json()) as Status
    } catch {
      return null // it may be dead just now: the caller asks again
    }
  }

  /** Waits until there is an acked view with a backup, and as many living servers; the status then. */
  async healthy(servers = 3, withinMs = 20_000): Promise<Status> {
    const end = performance.now() + withinMs
    for (;;) {
      const status = await this.status()
      const alive = status?.servers.filter(server => server.alive && server.pingAgeMs < 400).length ?? 0
      if (status?.acked && status.survives > 0 && alive >= servers) return status
      if (performance.now() > end)
        throw new Error(`not healthy within ${withinMs} ms: ${JSON.stringify(status)}`)
      await pause(20)
    }
  }

  async end(): Promise<void> {
    const programs = [this.#viewServer, ...this.#servers.values()]
    for (const program of programs) {
      program?.child.kill('SIGCONT')
      program?.child.kill('SIGKILL')
    }
    await Promise.all(programs.map(program => program?.exited))
    rmSync(this.data, { recursive: true, force: true })
  }
}

/** Starts it and waits for its line `listening`. */
async function run(args: string[]): Promise<Program> {
  const child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = once(child, 'exit').then(([status]) => status as number | null)
  const said: string[] = []
  child.stderr?.on('data', data => said.push(String(data)))
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  await new Promise<void>((resolve, reject) => {
    lines.on('line', line => {
      said.push(line)
      if (line.includes('"listening"')) resolve()
    })
    void exited.then(status =>
      reject(new Error(`holdfast ${args[0]} ended with ${status}: ${said.join('\n')}`)),
    )
  })
  return { args, child, exited }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

// Programs on this machine that a benchmark compares with, each started in its own folder.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** How long a program may take until it serves. */
const startMs = 20_000

export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Running programs that end together. */
export class Programs implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-peers-'))
  readonly #children: ChildProcess[] = []

  start(program: string, args: readonly string[]): number {
    const child = spawn(program, args, { cwd: this.folder, stdio: 'ignore' })
    this.#children.push(child)
    return child.pid ?? 0
  }

  async until(serves: () => Promise<boolean>, what: string): Promise<void> {
    const end = performance.now() + startMs
    while (!(await serves().catch(() => false))) {
      if (performance.now() > end) throw new Error(`${what} does not serve within ${startMs} ms`)
      await pause(50)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async child => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const gone = once(child, 'exit')
        child.kill('SIGKILL')
        await gone
      }),
    )
    rmSync(this.folder, { recursive: true, force: true })
  }
}

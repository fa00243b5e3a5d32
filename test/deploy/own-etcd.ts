// One etcd in a network of its own, for view servers whose record is there.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from '../fixtures/deadline.ts'
import type { Place } from '../fixtures/server-processes.ts'

/** Null: this machine has no etcd. Resolves when it serves. */
export async function etcdAt({ host, within }: Place, folder: string): Promise<AsyncDisposable | null> {
  const client = `http://${host}:2379`
  const args = [...within, 'etcd', '--data-dir', folder, '--listen-client-urls', client]
  const [program = '', ...rest] = [...args, '--advertise-client-urls', client]
  try {
    execFileSync('etcd', ['--version'], { stdio: 'ignore' })
  } catch {
    return null
  }
  const child = spawn(program, rest, { stdio: 'ignore' })
  const ask = `fetch('${client}/health').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))`
  const [asking = '', ...words] = [...within, process.execPath, '-e', ask]
  await until('etcd serves', () => succeeds(asking, words), 30_000)
  return {
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

function succeeds(program: string, words: readonly string[]): boolean {
  try {
    execFileSync(program, words, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

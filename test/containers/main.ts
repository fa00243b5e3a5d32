// npm run test:containers: B8 for real, where servers share the host's name and network but have pids of their own, as
// with `--network host`. A pid that a server says then means another process to whoever asks. Needs unshare and nsenter
// and the right to use them; else it is skipped and says so.

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { startBegun } from '../fixtures/begun.ts'
import { holdfast } from '../fixtures/command.ts'
import { until } from '../fixtures/deadline.ts'
import { folderOf } from '../fixtures/folder.ts'

const main = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const container = ['--pid', '--fork', '--mount-proc', '--kill-child']
const environment = { PATH: process.env.PATH, HOLDFAST_LISTEN: '127.0.0.1:0' }

function obstacle(): string | false {
  try {
    execFileSync('unshare', [...container, 'true'], { stdio: 'ignore' })
    execFileSync('nsenter', ['--version'], { stdio: 'ignore' })
    return false
  } catch (error) {
    return `no pids of its own for a process here: ${(error as Error).message}`
  }
}

/** A lock server that is process 1 of its container. */
function lockServer(t: Test, view: string): ChildProcess {
  const args = [...container, process.execPath, main, 'lockserver', '--view', view]
  const child = spawn('unshare', args, { stdio: 'ignore', env: environment })
  t.teardown(() => void child.kill('SIGKILL'))
  return child
}

/** The pid on the host of what runs in the container. */
function insideOf({ pid }: ChildProcess): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim())
}

async function statusOf(t: Test, view: string) {
  const { stdout } = await holdfast(t, ['status', '--json', '--view', view])
  return JSON.parse(stdout)
}

t.test(
  "B8: kill, in the backup's container, ends the primary of the same pid in another one",
  { skip: obstacle() },
  async t => {
    await using viewServer = await startBegun({ port: 0, data: folderOf(t) })
    const view = viewServer.address
    const primary = lockServer(t, view)
    // The status always has a view: before view 1 one without a primary, and the second server could still be the first.
    await until('there is a primary', async () => (await statusOf(t, view)).view.primary !== null)
    const backup = lockServer(t, view)
    await until('one death is survived', async () => (await statusOf(t, view)).survives === 1)
    const { view: before } = await statusOf(t, view)
    const same = { pid: 1, host: before.primary.host }
    t.match([before.primary, before.backup], [same, same], 'by pid and host nothing tells them apart')

    const there = ['-t', `${insideOf(backup)}`, '--pid', '--mount', process.execPath, main]
    await promisify(execFile)('nsenter', [...there, 'kill', 'primary', '--view', view], { env: environment })
    await until('the backup is the primary', async () => {
      const { view: now } = await statusOf(t, view)
      return now.primary.id === before.backup.id
    })
    await until('the other one has ended', () => primary.exitCode !== null || primary.signalCode !== null)
    t.equal(backup.exitCode ?? backup.signalCode, null, 'whoever was asked from lives on')
  },
)

t.test(
  'run as process 1 says what it can not do, and passes on how its command ended',
  { skip: obstacle() },
  async t => {
    await using viewServer = await startBegun({ port: 0, data: folderOf(t) })
    const view = viewServer.address
    lockServer(t, view)
    await until('there is a primary', async () => (await statusOf(t, view)).view.primary !== null)
    const run = async (...args: string[]) => {
      const all = [...container, process.execPath, main, 'run', 'x', '--view', view, ...args]
      return await promisify(execFile)('unshare', all, { env: environment }).catch(error => error)
    }
    const told = await run('--', 'sh', '-c', 'echo $PPID; exit 7')
    t.match(told, { code: 7, stdout: '1\n' })
    t.match(told.stderr, /^holdfast: this is process 1: .* stay as zombies; .*docker run --init/m)
    t.match(await run('--quiet', '--', 'true'), { stderr: '' })
  },
)

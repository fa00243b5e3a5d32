// npm run test:power -- [--short] [--from N] [--rounds N] [--seed N] [--keep]: all servers of a cluster on disk lose their power at
// once, again and again, under load (F15). Exit code 1 if anything was lost, or granted twice. As root it runs in namespaces
// of its own: however it ends, nothing is left mounted or running. Otherwise it says what it skips.

import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { wholeNumber } from '../../wire/options.ts'
import type { RunOptions } from './run.ts'

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    from: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    keep: { type: 'boolean', default: false },
  },
})
/** It ends after this time, whatever happens. */
const minutesMax = values.short ? 10 : 60

// The run must not see the caller's own cluster.
for (const name of Object.keys(process.env)) if (name.startsWith('HOLDFAST_')) delete process.env[name]

/** With the last process in them mounts and processes are gone. */
const unshare = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
const ownMounts = process.getuid?.() === 0 && spawnSync('unshare', [...unshare.slice(1), 'true']).status === 0
const folder = mkdtempSync(join(tmpdir(), 'holdfast-power-'))
const options: RunOptions = {
  short: values.short,
  seed: wholeNumber('--seed', Number(values.seed), 1, 0, 1_000_000),
  from: wholeNumber('--from', Number(values.from), 1, 1, 1_000),
  rounds: wholeNumber('--rounds', Number(values.rounds), 1_000, 1, 1_000),
  folder,
  keep: values.keep,
  ownMounts,
}

process.exitCode = await ended(start())
if (process.exitCode === 1 || values.keep) console.log(`logs, histories and folders are in ${folder}`)
else rmSync(folder, { recursive: true, force: true })

function start(): ChildProcess {
  const program = fileURLToPath(new URL('./run.js', import.meta.url))
  const [execPath = process.execPath, ...execArgv] = ownMounts ? [...unshare, process.execPath] : []
  return fork(program, [JSON.stringify(options)], { execPath, execArgv })
}

function ended(child: ChildProcess): Promise<number> {
  return new Promise(resolve => {
    let code: number | undefined
    const stop = (why: string, as: number) => {
      process.stderr.write(`\n${why}: ended before its time\n`)
      code = as
      child.kill('SIGKILL')
    }
    AbortSignal.timeout(minutesMax * 60_000).onabort = () => stop(`${minutesMax} minutes are over`, 1)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(signal, 130))
    child.on('exit', status => resolve(code ?? status ?? 1))
  })
}

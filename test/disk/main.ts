// Disks that fail for real: `npm run test:disk -- [--short]`. A full one and a read-only one (tmpfs), a sync that fails (a
// preloaded library), kills, a frozen holder, an ext4 that is shut down without its log, and each byte of a small
// journal. What was confirmed must be there afterwards, and the message must say what is wrong. Needs root and a C
// compiler for some of it, and says what it skips. Exit code 1 if something was wrong.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { lookAtJournal } from '../../lockserver/journal/driver/look.ts'
import { until } from '../fixtures/deadline.ts'
import { random } from '../fixtures/random.ts'
import { pause } from '../fixtures/real-pause.ts'

const isShort = process.argv.includes('--short')
const writer = fileURLToPath(new URL('./writer.js', import.meta.url))
const source = (name: string) => fileURLToPath(new URL(`../../../test/disk/${name}`, import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'holdfast-disk-'))
const dice = random(Date.now())

class Writer {
  readonly process: ChildProcess
  readonly said: Record<string, unknown>[] = []
  readonly ended: Promise<number | null>

  constructor(folder: string, environment: NodeJS.ProcessEnv = {}, segmentBytes = 1_048_576) {
    const args = [writer, folder, String(dice.below(1e9)), String(segmentBytes)]
    const stdio = ['ignore', 'pipe', 'inherit'] as const
    this.process = spawn(process.execPath, args, {
      stdio: [...stdio],
      env: { ...process.env, ...environment },
    })
    this.ended = new Promise(resolve => this.process.once('close', resolve))
    const lines = createInterface({ input: this.process.stdout as NodeJS.ReadableStream })
    lines.on('line', line => this.said.push(JSON.parse(line)))
  }

  last(key: string): unknown {
    return this.said.findLast(each => key in each)?.[key]
  }

  async writes(): Promise<this> {
    const from = Number(this.last('synced') ?? 0)
    await until(
      'it writes',
      () => Number(this.last('synced') ?? 0) > from + 5 || this.process.exitCode !== null,
    )
    return this
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL')
    await this.ended
  }
}

/** What was confirmed is in the folder. */
async function holdsAll(folder: string, confirmed: unknown): Promise<void> {
  const { look } = await lookAtJournal(folder)
  if (look.is !== 'whole') throw new Error(`it is ${look.is}: ${JSON.stringify(look.problem)}`)
  const found = look.imprint?.opNumber ?? -1
  if (found < Number(confirmed ?? 0))
    throw new Error(`operation ${confirmed} was confirmed, and ${found} is the last one`)
}

function expect(what: unknown, pattern: RegExp): void {
  if (!pattern.test(String(what))) throw new Error(`${JSON.stringify(what)} does not match ${pattern}`)
}

function mounted(options: readonly string[]): { folder: string; gone: () => void } {
  const folder = mkdtempSync(join(root, 'mount-'))
  execFileSync('mount', [...options, folder])
  return { folder, gone: () => execFileSync('umount', [folder]) }
}

function compiled(name: string, ...flags: string[]): string {
  const to = join(root, name.replace('.c', '.bin'))
  execFileSync('cc', ['-o', to, ...flags, source(name)], { stdio: ['ignore', 'ignore', 'inherit'] })
  return to
}

/** A writer in an ext4 of its own, which is shut down and mounted again. */
async function powerLost(
  name: string,
  environment: NodeJS.ProcessEnv,
): Promise<{ journal: string; confirmed: unknown }> {
  const [image, folder] = [join(root, `${name}.image`), join(root, name)]
  if (!existsSync(image)) {
    execFileSync('truncate', ['-s', '200M', image])
    execFileSync('mkfs.ext4', ['-q', image])
    mkdirSync(folder)
  }
  execFileSync('mount', ['-o', 'loop', image, folder])
  const journal = join(folder, 'journal')
  const living = await new Writer(journal, environment, 524_288).writes()
  await pause(dice.below(200))
  execFileSync(compiled('shut-down.c'), [folder])
  await living.kill()
  execFileSync('umount', [folder])
  execFileSync('mount', ['-o', 'loop', image, folder])
  return { journal, confirmed: living.last('synced') }
}

const scenarios: Readonly<Record<string, () => Promise<string>>> = {
  async 'D8: a full disk ends the server with one line, and what was confirmed is there'() {
    const { folder, gone } = mounted(['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs'])
    const full = new Writer(join(folder, 'journal'))
    const status = await full.ended
    expect(status, /^1$/)
    expect(full.last('failed'), /^can't (write|create) .*: ENOSPC/)
    await holdsAll(join(folder, 'journal'), full.last('synced'))
    gone()
    return String(full.last('failed'))
  },
  async 'D8: a read-only disk is refused at the start'() {
    const { folder, gone } = mounted(['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs'])
    mkdirSync(join(folder, 'journal'))
    execFileSync('mount', ['-o', 'remount,ro', folder])
    const refused = new Writer(join(folder, 'journal'))
    expect(await refused.ended, /^2$/)
    expect(refused.last('refused'), /EROFS/)
    gone()
    return String(refused.last('refused'))
  },
  async 'D8: a sync that fails ends the server; nothing is confirmed after it'() {
    const library = compiled('failing-sync.c', '-shared', '-fPIC', '-ldl')
    const [folder, fails] = [join(root, 'failing'), join(root, 'fails')]
    const environment = { LD_PRELOAD: library, HOLDFAST_FAILING_SYNC: fails }
    const failing = await new Writer(folder, environment).writes()
    writeFileSync(fails, '')
    expect(await failing.ended, /^1$/)
    expect(failing.last('failed'), /^can't write .*: EIO/)
    await holdsAll(folder, failing.last('synced'))
    const refused = new Writer(folder, environment)
    expect(await refused.ended, /^2$/)
    expect(refused.last('refused'), /the disk of the journal can't be written: EIO/)
    rmSync(fails)
    const again = await new Writer(folder, environment).writes()
    await again.kill()
    return String(failing.last('failed'))
  },
  async 'D1, D5: kill -9 at random moments, again and again in one folder'() {
    const folder = join(root, 'kills')
    const rounds = isShort ? 8 : 50
    for (let round = 0; round < rounds; round++) {
      const living = await new Writer(folder, {}, 262_144).writes()
      await pause(dice.below(150))
      await living.kill()
      await holdsAll(folder, living.last('synced'))
    }
    return `${rounds} kills`
  },
  async 'D9: a frozen process keeps its folder; a dead one does not'() {
    const folder = join(root, 'frozen')
    const frozen = await new Writer(folder).writes()
    frozen.process.kill('SIGSTOP')
    const second = new Writer(folder)
    expect(await second.ended, /^2$/)
    expect(second.last('refused'), /another process uses the journal's folder/)
    await frozen.kill()
    await (await new Writer(folder).writes()).kill()
    return String(second.last('refused')).slice(0, 100)
  },
  async 'D1, D7: an ext4 that is shut down without its log, under load'() {
    const rounds = isShort ? 5 : 30
    for (let round = 0; round < rounds; round++) {
      const { journal, confirmed } = await powerLost('ext4', {})
      await holdsAll(journal, confirmed)
      execFileSync('umount', [join(journal, '..')])
    }
    return `${rounds} losses of power`
  },
  async 'the same with a sync that lies: so the loss is real, and is found'() {
    const library = compiled('failing-sync.c', '-shared', '-fPIC', '-ldl')
    const { journal, confirmed } = await powerLost('lying', { LD_PRELOAD: library, HOLDFAST_LYING_SYNC: '1' })
    const lost = await holdsAll(journal, confirmed).then(
      () => 'nothing was lost',
      error => String(error.message),
    )
    if (lost === 'nothing was lost') throw new Error(lost)
    execFileSync('umount', [join(journal, '..')])
    return lost.slice(0, 100)
  },
  async 'D7: every byte flipped, every length cut; losses of power on the simulated disk'() {
    const test = (name: string, environment: NodeJS.ProcessEnv) =>
      execFileSync(process.execPath, [fileURLToPath(new URL(`../${name}.js`, import.meta.url))], {
        env: { ...process.env, TAP_TIMEOUT: '600', ...environment },
        stdio: 'ignore',
      })
    const seeds = isShort ? 500 : 10_000
    const every = isShort ? 3 : 1
    test('journal-bytes', { HOLDFAST_TEST_EVERY: String(every) })
    test('journal-power', { HOLDFAST_TEST_POWER: String(seeds) })
    return `each ${every === 1 ? '' : `${every}rd `}byte of each file; ${seeds} seeds`
  },
}

/** Undefined: it can be run here. */
function lackOf(name: string): string | undefined {
  const [mounts, compiles] = [/full|read-only|ext4|lies/.test(name), /sync that|ext4/.test(name)]
  if (mounts && process.getuid?.() !== 0) return 'it needs root, to mount file systems'
  if (compiles && !existsSync('/usr/bin/cc')) return 'it needs a C compiler (Debian: gcc)'
  return undefined
}

let wrong = 0
for (const [name, run] of Object.entries(scenarios)) {
  const lack = lackOf(name)
  if (lack !== undefined) {
    console.log(`SKIPPED  ${name}: ${lack}`)
    continue
  }
  const startedAt = performance.now()
  try {
    const result = await run()
    console.log(`ok       ${name}: ${result} (${((performance.now() - startedAt) / 1_000).toFixed(1)} s)`)
  } catch (error) {
    wrong++
    console.log(`WRONG    ${name}: ${(error as Error).message}`)
  }
}
rmSync(root, { recursive: true, force: true })
process.exit(wrong > 0 ? 1 : 0)

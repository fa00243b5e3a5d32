#!/usr/bin/env node
// The command `holdfast`: picks the command, gives help, turns failures into one line and an exit code.

import { readFileSync } from 'node:fs'
import { LockError } from '../client/index.ts'
import { isNear } from '../wire/spelling.ts'
import { type Command, environmentName, type Options, readArguments, show } from './arguments.ts'
import { printsConfig } from './config.ts'
import { Failure, messageOf, UsageError } from './failure.ts'
import { note, print, terminalWidth } from './output.ts'
import { takeSecretFiles } from './secret-files.ts'
import { useTls } from './tls.ts'
import { rowLines, textLines } from './wrap.ts'

/** Loaded when needed: most commands need neither servers nor log. */
const commands: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  cluster: () => import('./cluster.ts'),
  init: () => import('./init.ts'),
  adopt: () => import('./adopt.ts'),
  viewserver: () => import('./viewserver.ts'),
  lockserver: () => import('./lockserver.ts'),
  status: () => import('./status.ts'),
  locks: () => import('./locks.ts'),
  why: () => import('./why.ts'),
  clients: () => import('./clients.ts'),
  watch: () => import('./watch.ts'),
  run: () => import('./run.ts'),
  hold: () => import('./hold.ts'),
  once: () => import('./once.ts'),
  steal: () => import('./steal.ts'),
  release: () => import('./release.ts'),
  kill: () => import('./kill.ts'),
  bench: () => import('./bench.ts'),
  reset: () => import('./reset.ts'),
  recover: () => import('./recover.ts'),
  durability: () => import('./durability.ts'),
  groups: () => import('./groups.ts'),
  journal: () => import('./journal.ts'),
  token: () => import('./token.ts'),
  can: () => import('./can.ts'),
}

const exitCodes = `Exit codes: 0 done; 1 failed; 2 used wrongly; 75 the lock was not acquired; 76 it was lost; of run also
124 it took too long; 125 (in place of 1 and 2) its command could not be run.`

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') return await help(rest[0])
  if (['--version', '-v', '-V', 'version'].includes(name)) return version()
  const command = await load(name)
  if (asksForHelp(rest)) return help(name)
  return await act(command, rest).catch(error => {
    const code = complain(error)
    return code <= 2 ? (command.couldNotRun ?? code) : code
  })
}

async function act(command: Command, args: readonly string[]): Promise<number> {
  takeSecretFiles({ ...command.options, ...command.passesOn }, process.env)
  const given = readArguments(command, args, process.env)
  for (const line of given.notes) note(line)
  if (printsConfig(command, given)) return 0
  if (!command.serves || 'servers' in command.options) useTls(given.values)
  return await command.run(given)
}

async function load(name: string): Promise<Command> {
  const found = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (found === undefined) throw new UsageError(`there is no command ${show(name)}; ${meantBy(name)}`)
  return (await found()).command
}

function meantBy(name: string): string {
  const known = Object.keys(commands)
  const near = known.filter(each => isNear(name.toLowerCase(), each))
  return near.length > 0
    ? `did you mean ${near.join(' or ')}? See holdfast --help`
    : `there are ${known.join(', ')}; see holdfast --help`
}

/** The arguments after `--` belong to the other command. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--')
  const own = end < 0 ? args : args.slice(0, end)
  return own.includes('--help') || own.includes('-h')
}

async function help(name: string | undefined): Promise<number> {
  if (name === undefined) print(await overview())
  else print(helpOf(await load(name)))
  return 0
}

const ends = `holdfast COMMAND --help says more; holdfast --version says the version.
Commands find the cluster by --view URL, else HOLDFAST_VIEW, else ws://127.0.0.1:7400.
stdout is data, stderr is notes. Times are written 500ms, 10s or 2m.
${exitCodes}`

async function overview(): Promise<string> {
  const width = terminalWidth()
  const lines: string[] = []
  for (const name of Object.keys(commands)) {
    const { usage, does } = await load(name)
    lines.push(...rowLines(usage.replace(/ ?\[options\]/, ''), does, 34, width))
  }
  return `holdfast: a lock service that survives the death of its servers

Use: holdfast COMMAND [options]

${lines.join('\n')}

${textLines(ends, width).join('\n')}`
}

function helpOf({ usage, does, more, options }: Command): string {
  const width = terminalWidth()
  const own = optionLines(options, width)
  return [`Use: holdfast ${usage}`, '', `${does[0]?.toUpperCase()}${does.slice(1)}.`, '', 'Options:', ...own]
    .concat(more === undefined ? [] : ['', ...textLines(more, width)])
    .concat(['', ...textLines(exitCodes, width)])
    .join('\n')
}

function optionLines(options: Options, width: number | null): string[] {
  const left = (name: string, takes: string | null) => `--${name}${takes === null ? '' : ` ${takes}`}`
  const rows = Object.entries(options).map(([name, { takes, does, environment, fallback }]) => {
    const otherwise = takes === null || fallback === null ? '' : `; default ${fallback}`
    const variable = environment ? ` (${environmentName(name)})` : ''
    return [left(name, takes), does + otherwise + variable] as const
  })
  return [...rows, ['--help', 'this text'] as const].flatMap(([option, does]) =>
    rowLines(option, does, 24, width),
  )
}

function version(): number {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  print(version)
  return 0
}

function complain(error: unknown): number {
  if (error instanceof Failure || error instanceof LockError) {
    for (const line of error.message.split('\n')) note(line)
    return error instanceof Failure ? error.exitCode : 1
  }
  note(`a fault in holdfast itself: ${error instanceof Error ? error.stack : messageOf(error)}`)
  return 1
}

// `holdfast locks | head`: the reader has enough. Commands that must end in order get it as a SIGTERM.
let read = true
process.stdout.on('error', () => {
  if (read) process.kill(process.pid, 'SIGTERM')
  read = false
})
const exitCode = await main(process.argv.slice(2)).catch(complain)
// A pipe takes only what its reader has room for; the rest of a long answer must not die with this process.
await new Promise(written => process.stdout.write('', written))
process.exit(exitCode)

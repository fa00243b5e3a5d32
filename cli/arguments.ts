// Reads a command line against a table of options. Every mistake is a UsageError: one line that says what
// was wrong, where, and what would be right. It starts nothing and prints nothing.

import { parseArgs } from 'node:util'
import { proofLengthMax, ttlMsMax } from '../wire/limits.ts'
import { webSocketUrl } from '../wire/options.ts'
import { proofProblem, secretProblem } from '../wire/secret-problem.ts'
import { meantBy } from '../wire/spelling.ts'
import { readDuration } from './duration.ts'
import { strangersIn } from './environment.ts'
import { UsageError } from './failure.ts'

/** One option. `read` gets the given value, or values, and the name to use in a complaint. */
export interface Option<T> {
  /** What it takes, such as `URL`; null for a flag. */
  readonly takes: string | null
  readonly does: string
  /** Also read from HOLDFAST_… when the flag is absent. */
  readonly environment: boolean
  readonly absent: T
  /** The default in words; null: there is none. */
  readonly fallback: string | null
  /** Its value is never shown. */
  readonly secret: boolean
  readonly read: (texts: readonly string[], what: string) => T
}

export type Options = Readonly<Record<string, Option<unknown>>>
export type Values<O> = { readonly [K in keyof O]: O[K] extends Option<infer T> ? T : never }

export interface Given<O> {
  readonly values: Values<O>
  readonly names: readonly string[]
  /** The arguments after `--`. */
  readonly rest: readonly string[]
  /** Where each option's value comes from, and how it was written. */
  readonly from: Readonly<Record<string, Origin>>
  /** Warnings: what is odd but does no harm. */
  readonly notes: readonly string[]
}

export interface Origin {
  readonly source: 'flag' | 'environment' | 'default'
  /** Of the environment: where it was set. */
  readonly variable?: string
  /** Undefined when it was not given. */
  readonly text: string | undefined
}

export interface Command<O extends Options = Options> {
  /** What follows `holdfast` in the first line of the help. */
  readonly usage: string
  /** One line for the list of commands. */
  readonly does: string
  /** Paragraphs for the command's own help. */
  readonly more?: string
  readonly options: O
  /** Options of the processes that it starts: read from the environment, checked, and passed on. */
  readonly passesOn?: Options
  /** What its arguments are called in complaints; a name that ends in `?` may be absent. */
  readonly names: readonly string[]
  /** Takes another command after `--`. */
  readonly rest?: true
  /** It runs servers: a mistyped environment variable is a mistake, and not only odd. */
  readonly serves?: true
  /** The exit code when it could not do its work for a reason of this program, in place of 1 and 2. */
  readonly couldNotRun?: number
  /** Mistakes in options that are right each by itself; each line begins with its option. */
  check?(values: Values<O>): readonly string[]
  /** Resolves with the exit code. */
  run(given: Given<O>): Promise<number>
}

// ---- kinds of options

const plain = { environment: false, fallback: null, secret: false }

export function flag(does: string): Option<boolean> {
  return {
    ...plain,
    takes: null,
    does,
    absent: false,
    fallback: 'off',
    read: (texts, what) => isSet(texts, what),
  }
}

export function text(takes: string, does: string): Option<string | undefined> {
  return single(takes, does, value => value)
}

export function texts(takes: string, does: string): Option<readonly string[]> {
  const read = (given: readonly string[]) => given.flatMap(value => value.split(','))
  return { ...plain, takes, does, absent: [], read }
}

export function whole(takes: string, does: string, min: number, max: number): Option<number | undefined> {
  return single(takes, does, (value, what) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN
    if (number >= min && number <= max) return number
    throw new UsageError(`${what} must be a whole number from ${min} to ${max}, not ${show(value)}`)
  })
}

/** What a timer can wait for, unless said otherwise. */
export function duration(takes: string, does: string, min = 0, maxDays = 24): Option<number | undefined> {
  return single(takes, does, (value, what) => {
    const ms = readDuration(value, what)
    if (ms >= min && ms <= maxDays * 86_400_000) return ms
    throw new UsageError(`${what} must be from ${min} ms to ${maxDays} days, not ${show(value)}`)
  })
}

export function urls(takes: string, does: string): Option<readonly string[] | undefined> {
  return single(takes, does, (value, what) => value.split(',').map(part => readUrl(part.trim(), what)))
}

export function oneUrl(takes: string, does: string): Option<string | undefined> {
  return single(takes, does, readUrl)
}

export interface HostPort {
  readonly host: string
  readonly port: number
}

export function hostPort(takes: string, does: string): Option<HostPort | undefined> {
  return single(takes, does, (value, what) => {
    const [, host, port] = /^(\[[\da-fA-F:.]+\]|[^\s:/]+):(\d{1,5})$/.exec(value) ?? []
    if (host !== undefined && Number(port) <= 65_535)
      return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
    throw new UsageError(`${what} must be HOST:PORT such as 127.0.0.1:7401, not ${show(value)}`)
  })
}

export function choice<const C extends string>(
  takes: string,
  does: string,
  choices: readonly C[],
): Option<C | undefined> {
  return single(takes, does, (value, what) => {
    const chosen = choices.find(known => known === value)
    if (chosen !== undefined) return chosen
    throw new UsageError(`${what} must be one of ${choices.join(', ')}, not ${show(value)}`)
  })
}

/** The default, for the help text only: the program knows it by itself. */
export function byDefault<T>(fallback: string | number, option: Option<T>): Option<T> {
  return { ...option, fallback: String(fallback) }
}

/** Its value is never shown. */
export function hidden<T>(option: Option<T>): Option<T> {
  return { ...option, secret: true }
}

/** A secret that is none is refused where it is given; it is never shown. */
export function secretText(does: string): Option<string | undefined> {
  return hidden(
    single('TEXT', does, (value, what) => {
      const problem = secretProblem(value)
      if (problem !== undefined) throw new UsageError(`${what} ${problem}`)
      return value
    }),
  )
}

function tokenText(does: string): Option<string | undefined> {
  return single('TOKEN', does, (value, what) => {
    const problem = proofProblem(value, proofLengthMax)
    if (problem !== undefined) throw new UsageError(`${what} ${problem}`)
    return value
  })
}

/** The option may come from the environment too. */
export function inEnvironment<T>(option: Option<T>): Option<T> {
  return { ...option, environment: true }
}

export function environmentName(option: string): string {
  return `HOLDFAST_${option.toUpperCase().replaceAll('-', '_')}`
}

/** Names a file that holds the secret; cli/secret-files.ts reads it. */
export function fileVariable(option: string): string {
  return `${environmentName(option)}_FILE`
}

// ---- options of more than one command

export const json = { json: flag('print JSON') }

export const viewDefault = 'ws://127.0.0.1:7400'

export const viewOption = inEnvironment(byDefault(viewDefault, urls('URL[,URL]', 'the view server')))

/** A5: of a command that dials `wss://`; cli/tls.ts reads the files. */
export const clientTls = {
  'tls-ca': inEnvironment(byDefault("Node's", text('FILE', 'with wss://: authorities to believe, in PEM'))),
  'tls-cert': inEnvironment(text('FILE', 'a certificate to show, if a server asks for one')),
  'tls-key': inEnvironment(text('FILE', 'the key of that certificate')),
}

export const reaching = {
  view: viewOption,
  secret: inEnvironment(secretText("the cluster's shared secret, if it has no access rules")),
  'access-token': inEnvironment(hidden(tokenText('your access token'))),
  ...clientTls,
}

/** What a command shows of itself (A1): its token, else the cluster's secret. */
export function proofOf(values: {
  readonly secret: string | undefined
  readonly 'access-token'?: string | undefined
}): string | undefined {
  return values['access-token'] ?? values.secret
}

export const ttl = {
  ttl: byDefault(
    '10s',
    duration(
      'TIME',
      `lease: how long the lock stays taken when this process dies; at most ${ttlMsMax / 60_000}m`,
      1,
    ),
  ),
}

// ---- reading

/**
 * Throws one UsageError with a line for each mistake. It knows nothing of `--help`, which main.ts has looked
 * for before.
 */
export function readArguments<O extends Options>(
  command: Command<O>,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Given<O> {
  const mistakes = new Mistakes()
  const { given, names, rest, isKnown } = sort(command, args, mistakes)
  const from: Record<string, Origin> = {}
  const values: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(command.options)) {
    from[name] = originOf(name, option, given.get(name), environment)
    mistakes.collect(name, () => {
      values[name] = readOption(name, option, given.get(name), from[name] as Origin)
    })
  }
  for (const [name, option] of Object.entries(command.passesOn ?? {})) {
    const origin = originOf(name, option, undefined, environment)
    from[name] = origin
    mistakes.collect(name, () => void readOption(name, option, undefined, origin))
  }
  mistakes.collect(null, () => checkNames(command, names, isKnown))
  mistakes.addAll(command.check?.(values as Values<O>) ?? [])
  const odd = oddIn(environment, command)
  mistakes.addAll(odd.mistakes)
  mistakes.throwAny()
  return { values: values as Values<O>, names, rest, from, notes: odd.notes }
}

/** Servers run for long with the values of their start; other commands must work in any environment. */
function oddIn(environment: NodeJS.ProcessEnv, { options, passesOn, serves }: Command<Options>) {
  const read = Object.entries({ ...options, ...passesOn }).filter(([, option]) => option.environment)
  const strangers = strangersIn(
    environment,
    read.flatMap(([name, { secret }]) => [environmentName(name), ...(secret ? [fileVariable(name)] : [])]),
  )
  const mistyped = strangers.flatMap(({ name, meant }) =>
    meant === null ? [] : [`${name} is no option; did you mean ${meant}?`],
  )
  const unknown = strangers.flatMap(({ name, meant }) =>
    meant === null ? [`${name} is no option, and has no effect`] : [],
  )
  return serves ? { mistakes: mistyped, notes: unknown } : { mistakes: [], notes: mistyped }
}

/** Reports all mistakes at once: with one at a time, an operator would need one start and log for each. */
class Mistakes {
  readonly #lines: string[] = []
  readonly #options = new Set<string>()

  /** `option`: the one that is at fault if `act` throws. */
  collect(option: string | null, act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      this.#lines.push(error.message)
      if (option !== null) this.#options.add(option)
    }
  }

  /** Doesn't report an unreadable option as missing as well. */
  addAll(lines: readonly string[]): void {
    for (const line of lines) {
      const option = /^--([a-z-]+)/.exec(line)?.[1]
      if (option === undefined || !this.#options.has(option)) this.#lines.push(line)
    }
  }

  throwAny(): void {
    if (this.#lines.length > 0) throw new UsageError([...new Set(this.#lines)].join('\n'))
  }
}

function sort(command: Command<Options>, args: readonly string[], mistakes: Mistakes) {
  const given = new Map<string, string[]>()
  const names: string[] = []
  const rest: string[] = []
  let behind = false
  let isKnown = true
  for (const token of tokensOf(command, args)) {
    if (token.kind === 'option-terminator') behind = true
    else if (token.kind === 'positional') (behind && command.rest ? rest : names).push(token.value)
    else {
      isKnown &&= Object.hasOwn(command.options, token.name)
      mistakes.collect(token.name, () => {
        const value = checkGiven(command, token.name, token.rawName, token.value, token.inlineValue ?? false)
        given.set(token.name, [...(given.get(token.name) ?? []), value])
      })
    }
  }
  return { given, names, rest, isKnown }
}

function tokensOf(command: Command<Options>, args: readonly string[]) {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { takes }]) => [
      name,
      { type: takes === null ? ('boolean' as const) : ('string' as const), multiple: true },
    ]),
  )
  return parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true }).tokens
}

function checkGiven(
  command: Command<Options>,
  name: string,
  raw: string,
  value: string | undefined,
  inline: boolean,
): string {
  const option = Object.hasOwn(command.options, name) ? command.options[name] : undefined
  if (option === undefined) {
    const known = Object.keys(command.options)
    const meant = meantBy(name, known)
    const right = meant === null ? `there are --${known.join(', --')} and --help` : `did you mean --${meant}?`
    throw new UsageError(`there is no option ${raw}; ${right}`)
  }
  if (option.takes === null) {
    if (value === undefined) return 'true'
    throw new UsageError(`--${name} takes no value, but got ${show(value)}`)
  }
  if (value === undefined || value === '' || (!inline && value.startsWith('-')))
    throw new UsageError(`--${name} needs a value: --${name} ${option.takes}`)
  return value
}

function originOf(
  name: string,
  option: Option<unknown>,
  given: readonly string[] | undefined,
  environment: NodeJS.ProcessEnv,
): Origin {
  if (given !== undefined) return { source: 'flag', text: option.takes === null ? 'on' : given.join(', ') }
  const own = environmentName(name)
  const value = option.environment ? environment[own] : undefined
  if (value === undefined || value === '') return { source: 'default', text: undefined }
  const fromFile = option.secret && environment[fileVariable(name)]
  return { source: 'environment', variable: fromFile ? fileVariable(name) : own, text: value }
}

function readOption(
  name: string,
  option: Option<unknown>,
  given: readonly string[] | undefined,
  { source, text, variable = environmentName(name) }: Origin,
): unknown {
  if (given !== undefined) return option.read(given, `--${name}`)
  return source === 'default' ? option.absent : option.read([text as string], variable)
}

/** `isSure`: false if one of them may be the value of an option that there is not. */
function checkNames(command: Command<Options>, names: readonly string[], isSure: boolean): void {
  const missing = command.names.find((name, i) => !name.endsWith('?') && names[i] === undefined)
  if (missing !== undefined) throw new UsageError(`${missing} is missing; use: holdfast ${command.usage}`)
  const extra = names[command.names.length]
  if (extra === undefined || !isSure) return
  const right = command.rest ? 'the command to run goes behind --' : `use: holdfast ${command.usage}`
  throw new UsageError(`${show(extra)} is one argument too many; ${right}`)
}

function single<T>(
  takes: string,
  does: string,
  read: (value: string, what: string) => T,
): Option<T | undefined> {
  return {
    ...plain,
    takes,
    does,
    absent: undefined,
    read: (given, what) => {
      if (given.length > 1) throw new UsageError(`${what} may be given once, not ${given.length} times`)
      return read(given[0] as string, what)
    },
  }
}

/** On the command line a flag is there or not; in the environment it has a value. */
function isSet(given: readonly string[], what: string): boolean {
  const value = given.at(-1) as string
  if (value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw new UsageError(`${what} must be 1 or 0, not ${show(value)}`)
}

function readUrl(value: string, what: string): string {
  try {
    return webSocketUrl(what, value)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

export function show(value: string): string {
  return JSON.stringify(value.slice(0, 80))
}

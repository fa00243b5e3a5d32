// What the two server commands share: their options, the log, and how a server process ends.

import { constants } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { pino } from 'pino'
import * as limits from '../wire/limits.ts'
import { isLoopback } from '../wire/net/listen.ts'
import type { ServerTlsOptions } from '../wire/net/tls/options.ts'
import type { Logger } from '../wire/serving/log.ts'
import {
  byDefault,
  choice,
  flag,
  hidden,
  hostPort,
  inEnvironment,
  secretText,
  text,
  texts,
  type Values,
  whole,
} from './arguments.ts'
import { printConfig } from './config.ts'
import { Failure, messageOf, UsageError } from './failure.ts'

/** A5: of a server. */
const tlsOptions = {
  'tls-cert': inEnvironment(text('FILE', 'its certificate, in PEM: the port speaks wss and https alone')),
  'tls-key': inEnvironment(text('FILE', 'the key of that certificate')),
  'tls-ca': inEnvironment(byDefault("Node's", text('FILE', 'authorities to believe when it dials others'))),
  'tls-client-ca': inEnvironment(
    text('FILE', 'only a peer with a certificate of this authority is taken for a server'),
  ),
}

/** Options that `cluster` also passes on to its servers. */
export const passedOn = {
  'ping-interval-ms': inEnvironment(
    byDefault(limits.pingIntervalMs, whole('MS', 'time between pings; the same on all servers', 1, 60_000)),
  ),
  'dead-pings': inEnvironment(
    byDefault(limits.deadPings, whole('COUNT', 'missed pings that make a server dead', 2, 1_000)),
  ),
  secret: inEnvironment(secretText('one secret for everything: servers, operators and clients')),
  'server-secret': inEnvironment(
    hidden(texts('TEXT[,TEXT]', 'secret of the servers alone; two while one replaces the other')),
  ),
  access: inEnvironment(
    text('FILE', 'who may do what: principals with the hashes of their tokens, and rules'),
  ),
  'revoke-now': inEnvironment(flag('a session whose token is taken away ends at once, not with its lease')),
  ...tlsOptions,
  insecure: inEnvironment(flag('listen beyond loopback without any of these')),
  origin: inEnvironment(texts('ORIGIN', 'web pages of this origin may connect; repeatable')),
  'connections-per-address': inEnvironment(
    byDefault(
      '4096, any from loopback',
      whole('COUNT', 'connections of clients from one address', 1, 10_000_000),
    ),
  ),
  'frames-per-address': inEnvironment(
    byDefault(
      '50000, any from loopback',
      whole('COUNT', 'frames a second of clients from one address', 1, 10_000_000),
    ),
  ),
  'log-level': inEnvironment(
    byDefault('info', choice('LEVEL', 'debug, info, warn or error', ['debug', 'info', 'warn', 'error'])),
  ),
}

export const serverOptions = { ...passedOn, ...printConfig }

export const listenOption = (fallback: string) => ({
  'admin-listen': inEnvironment(
    byDefault('that of --listen', hostPort('HOST:PORT', 'a separate address for the pages of HTTP')),
  ),
  listen: inEnvironment(byDefault(fallback, hostPort('HOST:PORT', 'port 0 takes a free one'))),
})

export const servingHelp = `Every option can be set in the environment instead, such as HOLDFAST_LISTEN or
HOLDFAST_PING_INTERVAL_MS; a flag wins. Log lines go to stdout as JSON; the one with
msg "listening" and "url" says that the server is ready. SIGTERM, SIGINT or SIGHUP ends it
in order, a second one at once; with --access or files of TLS SIGHUP reads them again instead, as they are
read by themselves when they change. SIGUSR1 and SIGUSR2 are logged and ignored.`

type Serving = Values<typeof serverOptions & ReturnType<typeof listenOption>>

/** A6: without access settings a server listens only on loopback; and what of TLS goes together (A5). */
export function openness(values: Serving): readonly string[] {
  const tls = tlsMistakes(values)
  const { secret, insecure, access } = values
  if (secret !== undefined || values['server-secret'].length > 0 || access !== undefined || insecure)
    return tls
  const open = (['listen', 'admin-listen'] as const).flatMap(option => {
    const host = values[option]?.host
    if (host === undefined || isLoopback(host)) return []
    return [
      `--${option} ${host} is open to other machines, and nothing says who may come in; set --server-secret and --access FILE (or one --secret for everything), listen on 127.0.0.1, or say --insecure`,
    ]
  })
  return [...tls, ...open]
}

/** What goes together; each line begins with its option. */
export function tlsMistakes(values: Values<typeof tlsOptions>): readonly string[] {
  const { 'tls-cert': cert, 'tls-key': key, 'tls-client-ca': clientCa } = values
  if (cert !== undefined && key === undefined)
    return ['--tls-key FILE (HOLDFAST_TLS_KEY) is missing: a certificate and its key go together']
  if (key !== undefined && cert === undefined)
    return ['--tls-cert FILE (HOLDFAST_TLS_CERT) is missing: a certificate and its key go together']
  if (clientCa === undefined || cert !== undefined) return []
  return ['--tls-client-ca needs --tls-cert and --tls-key: without TLS no peer shows a certificate']
}

function tlsOf(values: Values<typeof tlsOptions>) {
  const { 'tls-cert': certFile, 'tls-key': keyFile, 'tls-ca': caFile, 'tls-client-ca': clientCaFile } = values
  return { certFile, keyFile, caFile, clientCaFile }
}

/** The options that both kinds of server take, in the form of `startViewServer` and `startLockServer`. */
export function sharedOptions(values: Serving, log: Logger) {
  const { listen, secret, access, insecure, origin } = values
  return {
    ...(listen && { host: listen.host, port: listen.port }),
    ...present('pingIntervalMs', values['ping-interval-ms']),
    ...present('deadPings', values['dead-pings']),
    ...present('connectionsPerAddress', values['connections-per-address']),
    ...present('framesPerAddress', values['frames-per-address']),
    secret,
    serverSecret: values['server-secret'],
    access,
    revokeNow: values['revoke-now'],
    insecure,
    origins: origin,
    adminListen: values['admin-listen'],
    tls: tlsOf(values),
    log,
  }
}

/** `exactOptionalPropertyTypes`: an absent option must not be there at all. */
export function present<K extends string>(key: K, value: number | undefined): { [P in K]?: number } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: number }
}

/** What it does on SIGHUP if it has files. */
export function readingAgain(
  server: { readAgain(): Promise<void> },
  { tls = {}, access }: { readonly tls?: ServerTlsOptions | undefined; readonly access?: string | undefined },
): Pick<Served, 'readAgain'> {
  const hasFiles = [access, ...Object.values(tls)].some(file => file !== undefined)
  return hasFiles ? { readAgain: () => void server.readAgain() } : {}
}

export function startLog(level: string | undefined): Logger {
  return pino(
    {
      level: level ?? 'info',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
    },
    pino.destination({ dest: 1, sync: true }),
  )
}

export interface Served {
  readonly url: string
  /** Resolves with the exit code once the server has ended, by itself or on request. */
  readonly ended: Promise<number>
  /** Asks it to end in order. */
  end(): void
  /** Reads its files again, on SIGHUP; absent: it has none, and ends. */
  readAgain?(): void
}

/** Runs one server until it has ended; resolves with the exit code. */
export async function serve(start: () => Promise<Served>, log: Logger): Promise<number> {
  // V8 drops the code of functions that have not run for a while. A failover runs just those, and would have
  // to compile them first.
  setFlagsFromString('--no-flush-bytecode')
  ignoreOthers(log)
  const served = await startClearly(start)
  const { url, ended } = served
  onSignals(served, log)
  tellParent(url)
  return await ended
}

async function startClearly(start: () => Promise<Served>): Promise<Served> {
  try {
    return await start()
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message)
    const text = messageOf(error)
    const advice = text.includes('data folder') ? '; give --data a folder that this user may write to' : ''
    throw new Failure(text + advice)
  }
}

function onSignals(served: Served, log: Logger): void {
  let asked = false
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (readsAgain(signal, served, log)) return
      if (asked) process.exit(128 + constants.signals[signal])
      asked = true
      log.info({ signal }, 'asked to end')
      served.end()
    })
  }
}

/** A5: on SIGHUP, if it has files to read again. */
function readsAgain(signal: NodeJS.Signals, { readAgain }: Served, log: Logger): boolean {
  if (signal !== 'SIGHUP' || readAgain === undefined) return false
  log.info({ signal }, 'its files are read again')
  readAgain()
  return true
}

/** Before anything else: Node would open a debugger at the one, by which the secret can be read, and end at the other. */
function ignoreOthers(log: Logger): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const)
    process.on(signal, () => log.warn({ signal }, 'ignored: this server knows no such wish'))
}

/** `cluster` learns over its IPC channel where its children listen; they end with it, for whatever reason. */
function tellParent(url: string): void {
  if (process.send === undefined) return
  process.on('disconnect', () => process.exit(1))
  if (process.connected) process.send({ url })
  else process.exit(1)
}

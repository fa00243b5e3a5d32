// Checks what a caller hands in: every mistake is a TypeError that names the option, what it was and
// what it must be. What is asked of a lock stands in claim-options.ts. Contacts no server.

import {
  clientNameLengthMax,
  namesPerAcquireMax,
  proofLengthMax,
  ttlMsDefault,
  ttlMsMax,
} from '../wire/limits.ts'
import { nameProblem } from '../wire/name.ts'
import type { Proofs } from '../wire/net/connections.ts'
import type { ClientRuntime } from '../wire/net/runtime.ts'
import { checkTls, type TlsOptions } from '../wire/net/tls/options.ts'
import { checkSecret, proofProblem } from '../wire/secret-problem.ts'
import { checkKeys, shown } from './known-options.ts'

/** How long a call may take. */
export interface Limits {
  /** Rejects the call with the signal's reason once it is aborted. */
  signal?: AbortSignal | undefined
  /** In ms, from 0; rejects the call with a `LockError` of code `TIMEOUT`. Default: no limit. */
  timeout?: number | undefined
}

export interface ConnectOptions extends Limits {
  /** Lease length in ms, at least three times the cluster's ping limit and at most its longest (60000 unless it was begun with
   * another; else `TTL_OUT_OF_RANGE`): a client that died keeps its locks for that long. Default 10000. */
  ttl?: number | undefined
  /** For people, in lists of locks; up to 256 characters. */
  name?: string | undefined
  /** The cluster's shared secret, of a cluster without access rules. Default: the environment's HOLDFAST_SECRET. */
  secret?: string | undefined
  /**
   * For `wss://` in Node: whom to believe, and the certificate to show if a server asks for one. Default: the files that
   * HOLDFAST_TLS_CA, HOLDFAST_TLS_CERT and HOLDFAST_TLS_KEY name, or what Node believes. A page uses its browser's.
   */
  tls?: TlsOptions | undefined
  /** The access token of this program, or a function that gives it: it is called for each connection, and in good time before
   * a signed token (JWT) ends, so that it can be renewed. Default: the environment's HOLDFAST_ACCESS_TOKEN. */
  token?: AccessToken | undefined
}

export type AccessToken = string | (() => string | PromiseLike<string>)

export interface QueryOptions extends Limits {
  /** Only locks whose names begin with this. */
  prefix?: string | undefined
  /** Default true: wait until the primary is sure that it still is the primary. False: take what it
   * believes; the answer says which it is. */
  confirmed?: boolean | undefined
  /**
   * `primary` (the default), or `nearest`: any server that has a copy, the backup before the primary, also while there is
   * no primary. The answer is never confirmed, and says how old it may be: for display, and for nothing that decides.
   */
  from?: 'primary' | 'nearest' | undefined
}

export interface ClientsOptions extends Limits {
  /** Only the clients of this name, or with this public id, or one that begins with these eight digits or more; then
   * what they hold and wait for is listed, too. */
  client?: string | undefined
  /** As of `query`. Default true. */
  confirmed?: boolean | undefined
}

export interface WatchOptions {
  /** Ends the watch: the reader's next step rejects with the signal's reason. */
  signal?: AbortSignal | undefined
}

export interface CloseOptions {
  /** In ms; default 0. How long current holders may still release their locks, while nothing new is granted. */
  finishWithin?: number | undefined
}

export interface Connecting {
  readonly urls: readonly string[]
  readonly ttlMs: number
  readonly name: string
  /** What it shows when it connects. */
  readonly proofs: Proofs
  /** Null: what the platform does by itself. */
  readonly tls: TlsOptions | null
  readonly limits: Limits
}

const connectTimeoutMs = 10_000
const timeoutMsMax = 2_147_483_647

export function checkConnect(
  runtime: Pick<ClientRuntime, 'environment' | 'clientName' | 'withTls' | 'tlsOfEnvironment'>,
  urls: string | readonly string[] | undefined,
  options: ConnectOptions = {},
): Connecting {
  checkKeys('connect', options, ['ttl', 'name', 'signal', 'timeout', 'secret', 'token', 'tls'])
  const { environment, clientName } = runtime
  const { ttl = ttlMsDefault, name = clientName } = options
  if (!Number.isSafeInteger(ttl) || ttl < 1 || ttl > ttlMsMax)
    throw new TypeError(`ttl must be a whole number of ms from 1 to ${ttlMsMax}, not ${shown(ttl)}`)
  checkText('name', name, clientNameLengthMax)
  checkLimits(options)
  return {
    urls: checkUrls(urls ?? (environment.HOLDFAST_VIEW || 'ws://127.0.0.1:7400')),
    ttlMs: ttl,
    name,
    proofs: proofsOf(options, environment),
    tls: tlsFor(runtime, options.tls),
    limits: { signal: options.signal, timeout: options.timeout ?? connectTimeoutMs },
  }
}

function tlsFor(
  { withTls, tlsOfEnvironment }: Pick<ClientRuntime, 'withTls' | 'tlsOfEnvironment'>,
  given: TlsOptions | undefined,
): TlsOptions | null {
  if (given !== undefined && withTls === undefined)
    throw new TypeError(
      'tls is for Node: in a page its browser decides which certificates it believes and which it shows',
    )
  const tls = given ?? tlsOfEnvironment?.()
  return tls === undefined ? null : checkTls(tls)
}

/** A1: a token, if there is one, else the secret. An empty variable counts as none. */
function proofsOf(
  { token, secret }: ConnectOptions,
  { HOLDFAST_ACCESS_TOKEN, HOLDFAST_SECRET }: ClientRuntime['environment'],
): Proofs {
  if (token !== undefined && secret !== undefined)
    throw new TypeError('token and secret both say who this program is; give one of them')
  if (typeof token === 'function') return async () => [tokenFrom(await token())]
  const given = token ?? (secret === undefined ? HOLDFAST_ACCESS_TOKEN || undefined : undefined)
  const shared = secret ?? (HOLDFAST_SECRET || undefined)
  const proofs = [given === undefined ? checkSecret(shared) : tokenFrom(given)]
  return () => proofs
}

function tokenFrom(value: unknown): string {
  const problem = proofProblem(value, proofLengthMax)
  if (problem !== undefined) throw new TypeError(`token ${problem}`)
  return value as string
}

export function checkUrls(urls: string | readonly string[]): string[] {
  const list = typeof urls === 'string' ? urls.split(',').map(url => url.trim()) : urls
  if (!Array.isArray(list) || list.length === 0)
    throw new TypeError(`the URL must be a string or an array of at least one, not ${shown(urls)}`)
  return [...new Set(list.map(checkUrl))]
}

function checkUrl(text: unknown): string {
  const url = typeof text === 'string' ? parsed(text) : null
  if (url === null || (url.protocol !== 'ws:' && url.protocol !== 'wss:') || url.hash !== '')
    throw new TypeError(
      `not the URL of a server: ${shown(text)}; it must look like ws://127.0.0.1:7400 or wss://…`,
    )
  return url.href.replace(/\/$/, '')
}

/** jsdom 20 and React Native have no `URL.canParse`. */
function parsed(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

export function checkName(name: unknown): asserts name is string {
  const problem = nameProblem(name)
  if (problem !== undefined) throw new TypeError(`a lock name ${problem}`)
}

export function checkNames(names: unknown): asserts names is string[] {
  if (!Array.isArray(names)) throw new TypeError(`names must be an array, not ${shown(names)}`)
  if (names.length < 1 || names.length > namesPerAcquireMax)
    throw new TypeError(`names must be 1 to ${namesPerAcquireMax} names, not ${names.length}`)
  names.forEach(checkName)
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined)
    throw new TypeError(`names must be different from one another: ${shown(twice)} is there twice`)
}

export function checkQuery(options: QueryOptions): void {
  checkKeys('query', options, ['prefix', 'confirmed', 'from', 'signal', 'timeout'])
  const { prefix, confirmed, from } = options
  checkPrefix(prefix)
  checkFlag('confirmed', confirmed)
  if (from !== undefined && from !== 'primary' && from !== 'nearest')
    throw new TypeError(`from must be primary or nearest, not ${shown(from)}`)
  if (from === 'nearest' && confirmed)
    throw new TypeError('confirmed does not go together with from: nearest, which no primary confirms')
  checkLimits(options)
}

export function checkClients(options: ClientsOptions): void {
  checkKeys('clients', options, ['client', 'confirmed', 'signal', 'timeout'])
  if (options.client !== undefined) checkText('client', options.client, clientNameLengthMax)
  checkFlag('confirmed', options.confirmed)
  checkLimits(options)
}

export function checkWatch(prefix: unknown, options: WatchOptions): void {
  checkKeys('watch', options, ['signal'])
  checkPrefix(prefix)
  checkLimits(options)
}

export function checkListen(options: unknown): void {
  checkKeys('on', options, ['once', 'signal'])
  const { once, signal } = options as { once?: unknown; signal?: AbortSignal }
  checkFlag('once', once)
  checkLimits({ signal })
}

/** The limit, in ms. */
export function checkClose(options: CloseOptions): number {
  checkKeys('close', options, ['finishWithin'])
  const { finishWithin = 0 } = options
  if (typeof finishWithin !== 'number' || !(finishWithin >= 0))
    throw new TypeError(`finishWithin must be a number of ms from 0, not ${shown(finishWithin)}`)
  return Math.min(finishWithin, timeoutMsMax)
}

export function checkLimits({ signal, timeout }: Limits): void {
  if (signal !== undefined && !isSignal(signal))
    throw new TypeError(
      `signal must be an AbortSignal, an object with aborted and addEventListener, not ${shown(signal)}`,
    )
  if (timeout === undefined || timeout === Number.POSITIVE_INFINITY) return
  if (typeof timeout !== 'number' || !(timeout >= 0) || timeout > timeoutMsMax)
    throw new TypeError(`timeout must be a number of ms from 0 to ${timeoutMsMax}, not ${shown(timeout)}`)
}

/** Also one of another realm, or of a polyfill. */
function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener } = value as Partial<AbortSignal>
  return typeof aborted === 'boolean' && typeof addEventListener === 'function'
}

function checkPrefix(prefix: unknown): void {
  const problem = prefix === undefined || prefix === '' ? undefined : nameProblem(prefix)
  if (problem !== undefined) throw new TypeError(`prefix ${problem}`)
}

export function checkMode(mode: unknown): void {
  if (mode !== undefined && mode !== 'exclusive' && mode !== 'shared')
    throw new TypeError(`mode must be exclusive or shared, not ${shown(mode)}`)
}

export function checkFlag(what: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean')
    throw new TypeError(`${what} must be true or false, not ${shown(value)}`)
}

function checkText(what: string, value: unknown, max: number): void {
  if (typeof value !== 'string' || value.length > max || !value.isWellFormed())
    throw new TypeError(
      `${what} must be a well-formed string of at most ${max} characters, not ${typeof value === 'string' ? `one of ${value.length}` : shown(value)}`,
    )
}

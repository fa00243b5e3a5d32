// The options of a lock server, checked once: a wrong one is a TypeError that names it.

import * as limits from '../wire/limits.ts'
import { isWildcard } from '../wire/net/listen.ts'
import { checkServerTls, type ServerTlsOptions, type TlsFiles } from '../wire/net/tls/options.ts'
import {
  addressQuotas,
  advertisedUrl,
  knownOnly,
  optionalPlace,
  optionalText,
  quota,
  texts,
  webSocketUrl,
  wholeNumber,
} from '../wire/options.ts'
import { type Logger, silent } from '../wire/serving/log.ts'
import type { PagesAddress } from '../wire/serving/pages-listener.ts'
import {
  type AccessOptions,
  accessOptionNames,
  type CheckedAccess,
  checkAccess,
} from '../wire/serving/server-access.ts'

export interface LockServerOptions extends AccessOptions {
  /** URL of the view server, or several of them. */
  readonly view: string | readonly string[]
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: a free one. */
  readonly port?: number
  /** The URL that other servers and clients get; default ws://host:port, or wss:// with TLS. */
  readonly advertise?: string | undefined
  /** In ms; default 100. Must be the same on all servers. */
  readonly pingIntervalMs?: number
  /** Default 5. */
  readonly deadPings?: number
  /** In ms: the longest that leaving takes; default 10,000. */
  readonly drainMs?: number
  /** Encrypted, by itself: its files. With a certificate the port speaks `wss` and `https` alone. */
  readonly tls?: ServerTlsOptions | undefined
  /** Origins of web pages that may connect. */
  readonly origins?: readonly string[]
  /** At most this many client connections from one address; default 4,096, and any number from loopback. */
  readonly connectionsPerAddress?: number | undefined
  /**
   * At most this many client frames a second from one address; default 50,000, and any number from loopback.
   * Frames beyond that wait.
   */
  readonly framesPerAddress?: number | undefined
  /**
   * At most this many sessions of one address, locks that they hold and wait for, acquires that wait, and
   * watches; default: as many as are left for all other addresses, and any number from loopback. The cluster
   * keeps them as its first primary has them.
   */
  readonly sessionsPerAddress?: number | undefined
  readonly locksPerAddress?: number | undefined
  readonly waitersPerAddress?: number | undefined
  readonly watchesPerAddress?: number | undefined
  /**
   * The longest time that a hold may be asked to last at least, in ms; default a day. The cluster keeps it as its
   * first primary has it.
   */
  readonly holdAtLeastMsMax?: number | undefined
  /** Folder of its journal, which a durable cluster asks for; made if it is not there. Of this server alone. */
  readonly data?: string | undefined
  /** A separate address for the HTTP pages; default: the same as for peers. */
  readonly adminListen?: { readonly host: string; readonly port: number } | undefined
  /** Default: silent. */
  readonly log?: Logger
}

/** Quotas of one address (B7); null: the default. */
export interface Quotas {
  readonly sessionsPerOwnerMax: number | null
  readonly locksPerOwnerMax: number | null
  readonly waitersPerOwnerMax: number | null
  readonly watchesPerOwnerMax: number | null
}

export interface CheckedOptions extends CheckedAccess {
  readonly viewServers: readonly string[]
  readonly host: string
  readonly port: number
  readonly advertise: string | undefined
  readonly pingIntervalMs: number
  readonly deadPings: number
  readonly drainMs: number
  readonly origins: readonly string[]
  readonly connectionsPerAddress: number | null
  readonly framesPerAddress: number | null
  readonly quotas: Quotas
  readonly holdAtLeastMsMax: number
  readonly data: string | null
  readonly tls: TlsFiles | null
  readonly adminListen: PagesAddress | null
  readonly log: Logger
}

const optionNames = [
  'view',
  'host',
  'port',
  'advertise',
  'pingIntervalMs',
  'deadPings',
  'drainMs',
  'tls',
  ...accessOptionNames,
  'origins',
  'connectionsPerAddress',
  'framesPerAddress',
  'sessionsPerAddress',
  'locksPerAddress',
  'waitersPerAddress',
  'watchesPerAddress',
  'holdAtLeastMsMax',
  'data',
  'adminListen',
  'log',
]

export function checkOptions(options: LockServerOptions): CheckedOptions {
  knownOnly(options, optionNames)
  const { pingIntervalMs, deadPings, drainMs } = options
  return {
    viewServers: viewServersOf(options.view),
    advertise: advertised(options),
    pingIntervalMs: wholeNumber('pingIntervalMs', pingIntervalMs, limits.pingIntervalMs, 1, 60_000),
    deadPings: wholeNumber('deadPings', deadPings, limits.deadPings, 2, 1_000),
    drainMs: wholeNumber('drainMs', drainMs, limits.drainMs, 0, 600_000),
    ...checkAccess(options),
    origins: texts('origins', options.origins ?? []),
    adminListen: optionalPlace('adminListen', options.adminListen),
    host: optionalText('host', options.host) ?? '127.0.0.1',
    port: wholeNumber('port', options.port, 0, 0, 65_535),
    ...addressQuotas(options),
    tls: checkServerTls(options.tls),
    quotas: quotasOf(options),
    holdAtLeastMsMax: atLeastMax(options),
    data: optionalText('data', options.data) ?? null,
    log: options.log ?? silent,
  }
}

function quotasOf(options: LockServerOptions): Quotas {
  return {
    sessionsPerOwnerMax: quota('sessionsPerAddress', options.sessionsPerAddress),
    locksPerOwnerMax: quota('locksPerAddress', options.locksPerAddress),
    waitersPerOwnerMax: quota('waitersPerAddress', options.waitersPerAddress),
    watchesPerOwnerMax: quota('watchesPerAddress', options.watchesPerAddress),
  }
}

/** C3 */
function atLeastMax({ holdAtLeastMsMax }: LockServerOptions): number {
  const usual = limits.stateLimits.holdAtLeastMsMax
  return wholeNumber('holdAtLeastMsMax', holdAtLeastMsMax, usual, 1, limits.holdMsMax)
}

function viewServersOf(view: LockServerOptions['view']): string[] {
  const urls = typeof view === 'string' ? view.split(',') : view
  if (!Array.isArray(urls) || urls.length === 0)
    throw new TypeError('view must be the URL of the view server')
  return urls.map(url => webSocketUrl('view', url))
}

function advertised({ advertise, host, tls }: LockServerOptions): string | undefined {
  if (advertise !== undefined) return advertisedUrl(advertise, tls?.certFile !== undefined)
  if (isWildcard(host ?? ''))
    throw new TypeError(`advertise must be given when host is ${host}: others can't dial that`)
  return undefined
}

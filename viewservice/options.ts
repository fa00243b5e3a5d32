// The options of a view server, checked once: a wrong one is a TypeError that names it.

import * as limits from '../wire/limits.ts'
import type { Durability } from '../wire/messages.ts'
import { checkServerTls, type ServerTlsOptions, type TlsFiles } from '../wire/net/tls/options.ts'
import {
  addressQuotas,
  advertisedUrl,
  knownOnly,
  optionalPlace,
  optionalText,
  texts,
  trueOrFalse,
  wholeNumber,
} from '../wire/options.ts'
import { type Logger, silent } from '../wire/serving/log.ts'
import {
  type AccessOptions,
  accessOptionNames,
  type CheckedAccess,
  checkAccess,
} from '../wire/serving/server-access.ts'
import { groupsMax } from '../wire/slots.ts'
import type { Acts } from './pages/acts.ts'
import type { SignalServer } from './pages/play.ts'
import { type RecordPlace, recordPlace } from './stores/place.ts'

export interface ViewServerOptions extends AccessOptions {
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 7400; 0 takes a free port. */
  readonly port?: number
  /** Folder of the view record; created if it does not exist. The same as `record: 'file:FOLDER'`. */
  readonly data?: string | undefined
  /**
   * Where the view record lives: `file:FOLDER`, or in etcd `etcd://HOST:PORT[,HOST:PORT…]/PREFIX`, `etcds://…` with
   * TLS; `USER:PASSWORD@` may stand before the first host. Either this or `data`.
   */
  readonly record?: string | undefined
  /** The URL at which other view servers reach this one; default: where it listens. */
  readonly advertise?: string | undefined
  /** In ms; default 100. Must be the same on all servers. */
  readonly pingIntervalMs?: number
  /** Missed pings that make a server dead; default 5. */
  readonly deadPings?: number
  /** Encrypted, by itself: its files. With a certificate the port speaks `wss` and `https` alone. */
  readonly tls?: ServerTlsOptions | undefined
  /** Origins of web pages that may connect. */
  readonly origins?: readonly string[]
  /** Connections of clients from one address; default 4,096, and any number from loopback. */
  readonly connectionsPerAddress?: number | undefined
  /** Frames of clients a second from one address, more have to wait; default 50,000, loopback any number. */
  readonly framesPerAddress?: number | undefined
  /**
   * If there is no view record, make the first one, as `initCluster` does. View 1 then grants nothing for `ttlMaxMs`.
   * Otherwise the server waits for a record.
   */
  readonly initIfNone?: boolean
  /** Of a cluster that `initIfNone` makes; as for `initCluster`. */
  readonly durability?: Durability | undefined
  readonly ttlMaxMs?: number | undefined
  readonly groups?: number | undefined
  /** On disk: how long it waits for the other servers whose state could be recovered, in ms; default 10,000. */
  readonly recoveryPatienceMs?: number
  /** The HTTP pages' own address; default: the same as for peers. */
  readonly adminListen?: { readonly host: string; readonly port: number } | undefined
  /**
   * The dashboard may end lock servers, by asking them; for playing only. A program that has started them as
   * its own processes can give a function instead, which kills and freezes them.
   */
  readonly play?: boolean | SignalServer
  /** Folder of the file in which the history of its page outlives a restart; default: that of the view record, if it is in one. */
  readonly history?: string | undefined
  /** What its page lets operators do, besides; it can be done only with a client's means. */
  readonly acts?: Acts | undefined
  /** By default the server is silent. */
  readonly log?: Logger
  /** Called once if the server has ended by itself: its record can't be saved, or an invariant is broken. */
  readonly onFatal?: (error: Error) => void
}

export type CheckedOptions = Required<
  Omit<
    ViewServerOptions,
    | keyof AccessOptions
    | 'connectionsPerAddress'
    | 'framesPerAddress'
    | 'adminListen'
    | 'durability'
    | 'ttlMaxMs'
    | 'groups'
    | 'initIfNone'
    | 'data'
    | 'record'
    | 'advertise'
    | 'tls'
    | 'history'
    | 'acts'
  >
> &
  CheckedAccess & {
    readonly place: RecordPlace
    readonly advertise: string | null
    readonly history: string | null
    readonly acts: Acts | null
    readonly tls: TlsFiles | null
    readonly connectionsPerAddress: number | null
    readonly framesPerAddress: number | null
    readonly adminListen: { readonly host: string; readonly port: number } | null
    /** Null: it waits for a record. */
    readonly begins: Beginning | null
  }

export interface Beginning {
  readonly durability: Durability
  readonly groups: number
  readonly ttlMaxMs: number
}

const optionNames = [
  'host',
  'port',
  'data',
  'record',
  'advertise',
  'pingIntervalMs',
  'deadPings',
  ...accessOptionNames,
  'tls',
  'origins',
  'connectionsPerAddress',
  'framesPerAddress',
  'initIfNone',
  'durability',
  'ttlMaxMs',
  'groups',
  'recoveryPatienceMs',
  'adminListen',
  'play',
  'history',
  'acts',
  'log',
  'onFatal',
]

export function checkOptions(options: ViewServerOptions): CheckedOptions {
  knownOnly(options, optionNames)
  const { pingIntervalMs, deadPings } = options
  return {
    host: optionalText('host', options.host) ?? '127.0.0.1',
    port: wholeNumber('port', options.port, 7400, 0, 65_535),
    place: placeOf(options),
    advertise:
      options.advertise === undefined
        ? null
        : advertisedUrl(options.advertise, options.tls?.certFile !== undefined),
    pingIntervalMs: wholeNumber('pingIntervalMs', pingIntervalMs, limits.pingIntervalMs, 1, 60_000),
    deadPings: wholeNumber('deadPings', deadPings, limits.deadPings, 2, 1_000),
    ...checkAccess(options),
    ...addressQuotas(options),
    tls: checkServerTls(options.tls),
    origins: texts('origins', options.origins ?? []),
    begins: trueOrFalse('initIfNone', options.initIfNone) ? beginningOf(options) : notBegun(options),
    recoveryPatienceMs: wholeNumber(
      'recoveryPatienceMs',
      options.recoveryPatienceMs,
      limits.recoveryPatienceMs,
      0,
      3_600_000,
    ),
    adminListen: optionalPlace('adminListen', options.adminListen),
    play: typeof options.play === 'function' ? options.play : trueOrFalse('play', options.play),
    history: optionalText('history', options.history) ?? null,
    acts: options.acts ?? null,
    log: options.log ?? silent,
    onFatal: options.onFatal ?? (() => {}),
  }
}

/** What a cluster is begun with (E6). */
export function beginningOf(options: {
  readonly durability?: unknown
  readonly ttlMaxMs?: number | undefined
  readonly groups?: number | undefined
}): Beginning {
  const { durability = 'memory', ttlMaxMs } = options
  if (durability !== 'memory' && durability !== 'disk')
    throw new TypeError(`durability must be 'memory' or 'disk', not ${JSON.stringify(durability)}`)
  const longest = wholeNumber(
    'ttlMaxMs',
    ttlMaxMs,
    limits.ttlMaxMsDefault,
    limits.ttlMsDefault,
    limits.ttlMsMax,
  )
  return { durability, ttlMaxMs: longest, groups: wholeNumber('groups', options.groups, 1, 1, groupsMax) }
}

function notBegun(options: ViewServerOptions): null {
  for (const name of ['durability', 'ttlMaxMs', 'groups'] as const)
    if (options[name] !== undefined)
      throw new TypeError(
        `${name} is chosen when a cluster is begun: by holdfast init, or here together with initIfNone`,
      )
  return null
}

export function placeOf({ data, record }: Pick<ViewServerOptions, 'data' | 'record'>): RecordPlace {
  if (data !== undefined && record !== undefined)
    throw new TypeError('data and record both say where the view record lives; give one of them')
  if (typeof record === 'string') return recordPlace(record)
  if (record === undefined && typeof data === 'string' && data !== '') return { in: 'folder', folder: data }
  throw new TypeError(
    'data must be the path of a folder, or record the URL of the place where the view record lives',
  )
}

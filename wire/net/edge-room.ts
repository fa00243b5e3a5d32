// How many sockets a server can have, and for which peers: never more than the process may open files, with
// some kept for the record, for dials, for servers and for operators (B3, B7); and whether one more can be opened.
// Only numbers; nothing is refused here.

import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { devNull } from 'node:os'
import { operatorsKept, ownFilesKept, serverConnectionsMax, strangersMax } from '../limits.ts'

export interface Room {
  /** Sockets of all kinds together. */
  readonly sockets: number
  /** Sockets that have shown no secret: bare ones, those of HTTP, those before their hello. */
  readonly strangers: number
  readonly servers: number
  readonly clients: number
  /** Clients of other machines: fewer, so that an operator on this one gets in. */
  readonly distantClients: number
}

/** `files` may be open, `open` files are. */
export function roomOf(files: number, open: number, connectionsMax: number): Room {
  const own = between(files >> 3, 16, ownFilesKept)
  const sockets = Math.max(
    8,
    Math.min(files - open - own, connectionsMax + strangersMax + serverConnectionsMax),
  )
  const strangers = between(sockets >> 2, 4, strangersMax)
  const servers = between(sockets >> 3, 2, serverConnectionsMax)
  const clients = Math.max(2, Math.min(connectionsMax, sockets - strangers - servers))
  return {
    sockets,
    strangers,
    servers,
    clients,
    distantClients: clients - Math.min(operatorsKept, clients >> 3),
  }
}

function between(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}

/** What systems commonly allow, for systems that report neither number. */
const filesByDefault = 1_024
const openByDefault = 32

/** How many files this process may have open, sockets among them. */
export function filesAllowed(): number {
  return linuxLimit() ?? reportedLimit() ?? filesByDefault
}

export function filesOpen(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch (error) {
    // There are so many that not even this could be looked up.
    return codeOf(error) === 'EMFILE' ? filesAllowed() : openByDefault
  }
}

/**
 * The system's code if this process can open no more file at this moment: a socket neither. Node says nothing of the
 * connections that the system then takes and cuts, so this is how it can be noticed at all.
 */
export function filesLack(): 'EMFILE' | 'ENFILE' | null {
  try {
    closeSync(openSync(devNull, 'r'))
    return null
  } catch (error) {
    const code = codeOf(error)
    return code === 'EMFILE' || code === 'ENFILE' ? code : null
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

/** As it was read last: it can't be read while no file can be opened. */
let limitSeen: number | undefined

function linuxLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    limitSeen = soft === undefined ? undefined : Number(soft)
    return limitSeen
  } catch {
    return limitSeen
  }
}

/** The limit on systems without /proc. */
function reportedLimit(): number | undefined {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits?: { open_files?: { soft?: number | string } }
  }
  const soft = userLimits?.open_files?.soft
  return typeof soft === 'number' ? soft : undefined
}

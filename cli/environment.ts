// Finds environment variables that look like options and are none: mistyped ones would be ignored silently.
// It knows all names of this project, since one environment may serve several of its programs.

import { isNear } from '../wire/spelling.ts'

/** Options of any command that may come from the environment, and what `run` sets for its command. */
export const variables = [
  'HOLDFAST_VIEW',
  'HOLDFAST_SECRET',
  'HOLDFAST_SECRET_FILE',
  'HOLDFAST_ACCESS_TOKEN',
  'HOLDFAST_ACCESS_TOKEN_FILE',
  'HOLDFAST_SERVER_SECRET',
  'HOLDFAST_SERVER_SECRET_FILE',
  'HOLDFAST_ACCESS',
  'HOLDFAST_REVOKE_NOW',
  'HOLDFAST_LISTEN',
  'HOLDFAST_ADMIN_LISTEN',
  'HOLDFAST_DATA',
  'HOLDFAST_INIT_IF_NONE',
  'HOLDFAST_PLAY',
  'HOLDFAST_RECORD',
  'HOLDFAST_RECORD_FILE',
  'HOLDFAST_ADVERTISE',
  'HOLDFAST_DRAIN_MS',
  'HOLDFAST_DURABILITY',
  'HOLDFAST_GROUPS',
  'HOLDFAST_HISTORY',
  'HOLDFAST_TTL_MAX',
  'HOLDFAST_HOLD_AT_LEAST_MS_MAX',
  'HOLDFAST_UNREHEARSED',
  'HOLDFAST_PING_INTERVAL_MS',
  'HOLDFAST_DEAD_PINGS',
  'HOLDFAST_INSECURE',
  'HOLDFAST_TLS_CERT',
  'HOLDFAST_TLS_KEY',
  'HOLDFAST_TLS_CA',
  'HOLDFAST_TLS_CLIENT_CA',
  'HOLDFAST_ORIGIN',
  'HOLDFAST_CONNECTIONS_PER_ADDRESS',
  'HOLDFAST_FRAMES_PER_ADDRESS',
  'HOLDFAST_SESSIONS_PER_ADDRESS',
  'HOLDFAST_LOCKS_PER_ADDRESS',
  'HOLDFAST_WAITERS_PER_ADDRESS',
  'HOLDFAST_WATCHES_PER_ADDRESS',
  'HOLDFAST_LOG_LEVEL',
  'HOLDFAST_LOCK',
  'HOLDFAST_TOKEN',
] as const

const prefix = 'HOLDFAST_'
/** For tests and benchmarks. */
const others = ['HOLDFAST_TEST_', 'HOLDFAST_BENCH_']

export interface Stranger {
  readonly name: string
  /** The name that was probably meant; null: another program, such as a container system, may have set it. */
  readonly meant: string | null
}

/** `options`: the variables that the command reads. */
export function strangersIn(environment: NodeJS.ProcessEnv, options: readonly string[]): Stranger[] {
  const known = new Set<string>(variables)
  return Object.keys(environment)
    .filter(name => name.startsWith(prefix) && !known.has(name))
    .filter(name => !others.some(each => name.startsWith(each)))
    .map(name => ({ name, meant: options.find(option => isMeant(name, option)) ?? null }))
}

/** Mistyped; or the end is missing, such as a unit. */
function isMeant(name: string, option: string): boolean {
  const [given, right] = [name.slice(prefix.length), option.slice(prefix.length)]
  if (given.length >= 3 && right.startsWith(`${given}_`)) return true
  return isNear(given, right)
}

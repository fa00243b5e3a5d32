// The surface of the package: connecting, and the types that a program meets. Nothing else is public.

/// <reference lib="esnext.disposable" preserve="true" />

import { LockClient } from './client.ts'
import type { ConnectOptions } from './options.ts'

export type { View } from '../wire/messages.ts'
export type { Pem, TlsOptions } from '../wire/net/tls/options.ts'
export type {
  AcquireAllOptions,
  AcquireOptions,
  ExactSteal,
  ForceReleaseOptions,
  HeldMode,
  HoldOptions,
  Mode,
  OnceOptions,
  Permits,
  RequestOptions,
  TryAcquireOptions,
} from './claim-options.ts'
export { LockClient, type LockClientData, type LocksOf } from './client.ts'
export type { ClientList, ListedClient, ListedLocks } from './clients.ts'
export { type CloseOnSignalsOptions, type ClosingOnSignals, closeOnSignals } from './close-on-signals.ts'
export { LockError, type LockErrorData, type LockErrorDetails, type LockHolder } from './errors.ts'
export type { ClientEvent, ClientEvents, Listener, ListenOptions } from './events.ts'
export { type Fence, FenceGuard, type FenceGuardOptions, StaleTokenError } from './fence-guard.ts'
export type { Lead, LeadCallback, LeadOptions } from './lead.ts'
export type { Leader } from './leader.ts'
export type { LeaderOptions, LeaderWatch } from './leader-watch.ts'
export { Lock, type LockData } from './lock.ts'
export type { ForgetOnceOutcome, OnceCallback, OnceOutcome, RunBefore } from './once.ts'
export type {
  AccessToken,
  ClientsOptions,
  CloseOptions,
  ConnectOptions,
  Limits,
  QueryOptions,
  WatchOptions,
} from './options.ts'
export type { LockWatch, WatchEvent } from './watch.ts'
export type { HeldLock, NearestSnapshot, PendingLock, RequestCallback, Snapshot } from './web-locks.ts'

/**
 * Opens a session with a cluster.
 *
 * `urls`: any server of the cluster, `ws://` or `wss://`; several as an array or separated by commas.
 * Default: the environment's HOLDFAST_VIEW, then `ws://127.0.0.1:7400`.
 *
 * Resolves when the session is open. Rejects with a `TypeError` that names a wrong option; with a
 * `LockError` of code `TIMEOUT` after `timeout` ms (10000), `TTL_OUT_OF_RANGE` when the cluster
 * refuses the ttl, `SESSIONS_LIMIT`, `WRONG_SECRET`, `WRONG_TOKEN`, `WRONG_WIRE_VERSION`; or with the signal's reason.
 */
export function connect(urls?: string | readonly string[], options?: ConnectOptions): Promise<LockClient> {
  return LockClient.connect(urls, options)
}

// The entry `holdfast/lockserver`, for embedding and tests.

export type { ServerTlsOptions } from '../wire/net/tls/options.ts'
export { rehearse } from './rehearse.ts'
export { type LockServer, type LockServerOptions, startLockServer } from './server.ts'

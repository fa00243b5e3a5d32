// The entry `holdfast/viewservice`, for embedding and tests.

export type { ServerStatus, Status, View } from '../wire/messages.ts'
export type { ServerTlsOptions } from '../wire/net/tls/options.ts'
export { type InitOptions, initCluster, type NewRecord } from './init.ts'
export { startViewServer, type ViewServer, type ViewServerOptions } from './server.ts'

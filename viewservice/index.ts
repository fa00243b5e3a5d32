// The entry `holdfast/viewservice`, for embedding and tests.

export { startViewServer, type ViewServer, type ViewServerOptions } from './server.ts'

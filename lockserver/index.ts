// The entry `holdfast/lockserver`, for embedding and tests.

export { type LockServer, type LockServerOptions, startLockServer } from './server.ts'

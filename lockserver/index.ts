// The entry `holdfast/lockserver`, for embedding and tests.

export { rehearse } from './rehearse.ts'
export { type LockServer, type LockServerOptions, startLockServer } from './server.ts'

// The entry `holdfast/testing`: a cluster in the test's own process, whose servers tests can kill.

export type { ServerStatus, Status, View } from '../wire/messages.ts'
export { startCluster, type TestCluster, type TestClusterOptions } from './cluster.ts'

// The entry `holdfast/testing`: a cluster in the test's own process, to be killed at will.

export type { ServerStatus, Status, View } from '../wire/messages.ts'
export { startCluster, type TestCluster, type TestClusterOptions } from './cluster.ts'

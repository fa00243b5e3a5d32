// A Holdfast cluster that keeps its locks on disk: a view server and two lock servers, each with its folder.

import { here, ServerProcesses } from '../../test/fixtures/server-processes.ts'
import { runningCluster } from '../cluster.ts'
import type { Service } from '../target.ts'

export async function diskCluster(name: string): Promise<Service> {
  const processes = new ServerProcesses(here, [], 'disk')
  try {
    await processes.start([here, here])
    const service = await runningCluster(processes.viewUrl)
    return { ...service, name, [Symbol.asyncDispose]: () => processes.end() }
  } catch (error) {
    await processes.end()
    throw error
  }
}

// The metrics of a server's access rules. Nothing is counted here.

import type { Metric } from './metrics.ts'
import type { ServerAccess } from './server-access.ts'

export function accessMetrics(now: () => Pick<ServerAccess, 'problem' | 'spoilt'>): Metric[] {
  return [
    {
      name: 'holdfast_access_file_spoilt',
      help: '1 while the access file has a mistake or can not be read; the rules from before are in force.',
      type: 'gauge',
      read: () => (now().problem === null ? 0 : 1),
    },
    {
      name: 'holdfast_access_file_spoilt_total',
      help: 'How often the access file was spoilt when it was read.',
      type: 'counter',
      read: () => now().spoilt,
    },
  ]
}

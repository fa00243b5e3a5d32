// The metrics of a server's access rules. Nothing is counted here.

import type { Metric } from './metrics.ts'
import type { ServerAccess } from './server-access.ts'

export type AccessMeasured = Pick<ServerAccess, 'problem' | 'spoilt' | 'keys'>

export function accessMetrics(now: () => AccessMeasured): Metric[] {
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
    {
      name: 'holdfast_access_keys_spoilt',
      help: '1 while the keys of an issuer of signed tokens can not be read, or are none; those from before are in force.',
      type: 'gauge',
      labels: ['issuer'],
      read: () =>
        now().keys.map(({ issuer, problem }) => ({ labels: { issuer }, value: problem === null ? 0 : 1 })),
    },
    {
      name: 'holdfast_access_keys_spoilt_total',
      help: 'How often the keys of an issuer of signed tokens could not be read, or were none.',
      type: 'counter',
      labels: ['issuer'],
      read: () => now().keys.map(({ issuer, spoilt }) => ({ labels: { issuer }, value: spoilt })),
    },
  ]
}

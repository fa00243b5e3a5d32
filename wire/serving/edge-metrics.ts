// The metrics of a server's edge: its sockets and the room for them, the bytes that are held for peers, and
// the connections that were cut. Nothing is counted here.

import { receivingBytesMax, unreadBytesMax } from '../limits.ts'
import type { Edge } from '../net/edge.ts'
import { byLabel, type Metric } from './metrics.ts'

export function edgeMetrics(now: () => Edge): Metric[] {
  return [
    {
      name: 'holdfast_sockets',
      help: 'Accepted sockets, by who is at the other end: a stranger has not shown the secret; HTTP is among them.',
      type: 'gauge',
      labels: ['standing'],
      read: () => byLabel('standing', now().counts),
    },
    {
      name: 'holdfast_sockets_max',
      help: 'Sockets that this server has room for, by who is at the other end; less when its process may open few files.',
      type: 'gauge',
      labels: ['standing'],
      read: () => {
        const { strangers, clients, servers } = now().room
        return byLabel('standing', { stranger: strangers, client: clients, server: servers })
      },
    },
    {
      name: 'holdfast_receiving_bytes',
      help: 'Bytes of frames that are not whole yet, of all accepted connections.',
      type: 'gauge',
      read: () => now().receiving.sum,
    },
    {
      name: 'holdfast_unread_bytes',
      help: 'Bytes that wait for peers that have not read them, of all accepted connections.',
      type: 'gauge',
      read: () => {
        const { unread } = now()
        unread.refresh()
        return unread.sum
      },
    },
    {
      name: 'holdfast_held_bytes_max',
      help: 'Bytes that all connections together may hold, being received or unread. Passed: the largest is cut.',
      type: 'gauge',
      labels: ['what'],
      read: () => byLabel('what', { receiving: receivingBytesMax, unread: unreadBytesMax }),
    },
    {
      name: 'holdfast_edge_cuts_total',
      help: 'Connections that were ended for lack of room: too many strangers, too many bytes, or silent after the hello.',
      type: 'counter',
      labels: ['reason'],
      read: () => byLabel('reason', now().cuts),
    },
    {
      name: 'holdfast_files_short_total',
      help: 'How often, looked at once a second, the process could open no more file; who connects then is cut by the system or waits, uncounted.',
      type: 'counter',
      read: () => now().filesShort,
    },
    {
      name: 'holdfast_wrong_secrets_total',
      help: 'Hellos and requests for pages with a wrong secret or token.',
      type: 'counter',
      read: () => now().wrongSecrets.total,
    },
  ]
}

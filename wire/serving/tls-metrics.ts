// The metrics of a server's TLS (A5): how long its certificate lasts, what became of new files, and connections that TLS has
// ended. A server without TLS has none of them. Nothing is counted here.

import type { ServerTls } from '../net/tls/server-tls.ts'
import { byLabel, type Metric } from './metrics.ts'

/** `now` is called at each scrape; nothing or null: the server has no TLS. */
export function tlsMetrics(now: () => ServerTls | null | undefined): Metric[] {
  const own = <T>(read: (tls: ServerTls) => T) => {
    const tls = now()
    return tls?.own == null ? [] : read(tls)
  }
  return [
    {
      name: 'holdfast_certificate_expiry_timestamp_seconds',
      help: 'When the certificate of this server ends, since the Unix epoch in seconds.',
      type: 'gauge',
      read: () => own(({ own }) => (own === null ? [] : own.expiresAt / 1_000)),
    },
    {
      name: 'holdfast_tls_files_spoilt',
      help: '1 while the files of TLS can not be used; what was in force before still is.',
      type: 'gauge',
      read: () => own(tls => Number(tls.spoilt)),
    },
    {
      name: 'holdfast_tls_reloads_total',
      help: 'New files of TLS, by whether they were taken.',
      type: 'counter',
      labels: ['outcome'],
      read: () => own(tls => byLabel('outcome', tls.reloads)),
    },
    {
      name: 'holdfast_tls_refusals_total',
      help: 'Connections that TLS has ended: plain, a handshake that failed or was late, or ended by the peer right after it.',
      type: 'counter',
      labels: ['reason'],
      read: () => own(tls => byLabel('reason', tls.refusals)),
    },
  ]
}

// The metrics of a durable lock server's journal. A server without one has their names, and no series of gauges.

import { Histogram } from '../../wire/histogram.ts'
import type { DiskFigures } from '../../wire/messages.ts'
import type { Metric, Sample } from '../../wire/serving/metrics.ts'

export interface JournalMeasured {
  readonly figures: DiskFigures
  /** D8 */
  readonly low: boolean
  readonly syncTimes: Histogram
}

const none = new Histogram()

export function journalMetrics(now: () => JournalMeasured | null): Metric[] {
  const gauge = (name: string, help: string, read: (m: JournalMeasured) => number | null): Metric => ({
    name,
    help,
    type: 'gauge',
    read: () => sampleOf(now(), read),
  })
  return [
    gauge(
      'holdfast_journal_view',
      'View of the state that counts in the journal; 0 if none does.',
      ({ figures }) => figures.imprint?.view ?? 0,
    ),
    gauge(
      'holdfast_journal_operation_number',
      'Last operation in the journal; 0 if no state counts there.',
      ({ figures }) => figures.imprint?.opNumber ?? 0,
    ),
    gauge(
      'holdfast_journal_bytes',
      "About the bytes of the journal's files.",
      ({ figures }) => figures.bytes,
    ),
    gauge(
      'holdfast_journal_free_bytes',
      "Bytes that are free on the journal's disk.",
      ({ figures }) => figures.freeBytes,
    ),
    gauge(
      'holdfast_journal_low',
      "1 while the journal's disk has less room than its reserve: the server is not chosen as backup.",
      ({ low }) => Number(low),
    ),
    gauge(
      'holdfast_journal_spoilt',
      '1 if the journal that was found at the start is spoilt, until the next start.',
      ({ figures }) => Number(figures.spoilt !== null),
    ),
    gauge('holdfast_journal_sync_age_seconds', 'Since the last sync was done.', ({ figures }) =>
      inSeconds(figures.syncAgeMs),
    ),
    gauge(
      'holdfast_journal_unsynced_seconds',
      'For how long the sync that is under way takes so far; 0 if none is.',
      ({ figures }) => inSeconds(figures.unsyncedMs),
    ),
    {
      name: 'holdfast_journal_sync_seconds',
      help: "How long a write into the journal's log took until it was synced.",
      type: 'histogram',
      read: () => now()?.syncTimes ?? none,
    },
  ]
}

function sampleOf(
  measured: JournalMeasured | null,
  read: (measured: JournalMeasured) => number | null,
): readonly Sample[] {
  const value = measured === null ? null : read(measured)
  return value === null ? [] : [{ value }]
}

function inSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1_000
}

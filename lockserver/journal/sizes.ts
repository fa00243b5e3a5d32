// How large the journal's files and pieces are. Tests make them small.

export interface JournalSizes {
  /** A volume's first segment is made while a state waits to begin; later ones while another is in use. */
  readonly firstSegmentBytes: number
  readonly segmentBytes: number
  /** About the longest payload of a block. */
  readonly payloadBytes: number
  /** What may come on top of that: one message is never cut. */
  readonly prefixBytes: number
  /** New segments are filled with zeros, so much at a time. */
  readonly fillBytes: number
  /** A snapshot is synced whenever so much of it was written, lest its last sync be long. */
  readonly snapshotSyncBytes: number
  /** A snapshot is wanted when the log has grown by so much, and by as much as the last one took. */
  readonly snapshotLogBytes: number
  /** D8: with less free room than this a server is not chosen as backup. */
  readonly reserveBytes: number
}

export const journalSizes: JournalSizes = {
  firstSegmentBytes: 16_777_216,
  segmentBytes: 67_108_864,
  payloadBytes: 4_194_304,
  prefixBytes: 8_192,
  fillBytes: 1_048_576,
  snapshotSyncBytes: 4_194_304,
  snapshotLogBytes: 134_217_728,
  reserveBytes: 536_870_912,
}

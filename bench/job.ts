// What the measuring process and its workers say to each other (over IPC, as structured clones).

export interface Job {
  /** File name of the target module. */
  readonly target: string
  readonly address: string
  /** Pairs of acquire and release that are under way at any time. */
  readonly outstanding: number
  /** `distinct`: no loop waits for another. `hot`: all loops want the same lock. */
  readonly keys: 'distinct' | 'hot'
  /** Names begin with one of these, loop by loop in turn; by default with `bench/`. */
  readonly prefixes?: readonly string[]
  /** Tells the workers of one job apart. */
  readonly worker: number
  /** At most this many pairs a second, all loops together; undefined: as fast as possible. */
  readonly pairsPerSecond?: number
}

export type Order =
  | { readonly do: 'run'; readonly job: Job }
  /** Counting starts now. */
  | { readonly do: 'count' }
  | { readonly do: 'stop' }

export type Report =
  | { readonly is: 'running' }
  | { readonly is: 'failed'; readonly text: string }
  | {
      readonly is: 'done'
      readonly seconds: number
      readonly pairs: number
      /** Latencies of acquires; see histogram.ts. */
      readonly latencies: Uint32Array
      readonly cpuUs: number
      /** Grants of each of the outstanding loops. */
      readonly shares: readonly number[]
      /** Only with a hot key: pairs of when a lock was granted and when its release was called, ms on the machine's monotonic clock. */
      readonly holds: Float64Array
    }

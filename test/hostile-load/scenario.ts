// The form of a scenario of `npm run test:hostile-load`, and its limits. In each scenario, well-formed peers
// within every limit ask for too much; the files of the scenario families describe the attacks.

/** The cluster under attack, as the attacker's process gets it. */
export interface Target {
  readonly view: string
  readonly primary: string
  readonly backup: string
  readonly idle: string
  /** The cluster's secret; strangers don't use it. */
  readonly secret: string | null
  /** How long the lasting parts of an attack go on. */
  readonly seconds: number
  /** Reports that all is prepared: if the scenario kills a server, it does so now. Resolves afterwards. */
  readonly ready: () => Promise<void>
}

/** What an attack adds to the measurements. */
export interface Outcome {
  /** For the table. */
  readonly remark?: string
  /** Things that went wrong. */
  readonly wrong?: readonly string[]
}

export interface Setting {
  readonly secret?: true
  /** The largest heap of each server, in MiB. */
  readonly heapMb?: number
  /** The quota of sessions; set, it holds for loopback, too (B7). */
  readonly sessionsPerAddress?: number
  /** The most files that the view server may have open. */
  readonly viewFiles?: number
  /** The view record is on its own disk, which is full once the cluster runs. Needs root. */
  readonly fullDisk?: true
}

export interface Scenario {
  readonly name: string
  /** The rules that the scenario tests. */
  readonly rules: string
  readonly does: string
  readonly setting?: Setting
  /** The primary is killed once the attack is ready: a view may be made then, and the service must go on. */
  readonly death?: true
  /** The state itself is large, so the limit for small states doesn't apply to its memory. */
  readonly largeState?: true
  /** No turn may be longer than B1 allows, on a machine that is not full. */
  readonly longestTurn?: true
  /** Part of the short form. */
  readonly short?: true
  readonly attack: (target: Target) => Promise<Outcome>
}

/** Of the prober, at default timings. */
export const p99Max = 100
/** For each server with a small state, in MiB. */
export const rssMax = 400
/** If the cores are busy for more than this share, and no server had a long turn, they are simply full. */
export const fullFrom = 0.95
/** In ms of CPU time; a longer turn is the server's own fault, however busy the cores are. */
export const turnMax = 50
/** In ms of CPU time: what B1 allows. */
export const longestTurnMax = 20

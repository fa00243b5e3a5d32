// What a scenario of `npm run test:hostile-load` is: peers that are well-formed and within every limit, and ask for
// too much. Here are its form and its limits; how they attack is told in the files of their families.

/** A cluster that is to be attacked, as the attacker's process is told of it. */
export interface Target {
  readonly view: string
  readonly primary: string
  readonly backup: string
  readonly idle: string
  /** The secret that the cluster has; strangers do not use it. */
  readonly secret: string | null
  /** How long whatever goes on for a time goes on. */
  readonly seconds: number
  /** Says that all is prepared; the scenario's death, if it has one, comes then. Resolves when it has come. */
  readonly ready: () => Promise<void>
}

/** What an attack adds to the measurements. */
export interface Outcome {
  /** For the table. */
  readonly remark?: string
  /** What must not be. */
  readonly wrong?: readonly string[]
}

export interface Setting {
  readonly secret?: true
  /** The largest heap of each server, in MiB. */
  readonly heapMb?: number
  /** The most files that the view server may have open. */
  readonly viewFiles?: number
  /** The view record is on a disk of its own, which is full once the cluster runs. Needs root. */
  readonly fullDisk?: true
}

export interface Scenario {
  readonly name: string
  /** The rules that it is about. */
  readonly rules: string
  readonly does: string
  readonly setting?: Setting
  /** The primary is killed once the attack is ready: a view may be made then, and the service must go on. */
  readonly death?: true
  /** The state is large itself, so the memory that it takes is not judged by the limit for small ones. */
  readonly largeState?: true
  /** Part of the short form. */
  readonly short?: true
  readonly attack: (target: Target) => Promise<Outcome>
}

/** Of the prober, at default timings. */
export const p99Max = 100
/** Of each server whose state is small, in MiB. */
export const rssMax = 400
/** When the cores are busy for more of the time than this, and no server worked for long in one turn, they are simply full. */
export const fullFrom = 0.95
/** In ms of CPU time; a longer turn of a server is its own fault and no matter of full cores. */
export const turnMax = 50

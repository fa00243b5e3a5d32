// What a check may look at: the state of the cluster as it is being made.

export interface Situation {
  readonly clock: number
  readonly history: number
  readonly locals: readonly number[]
}

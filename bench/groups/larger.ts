// Clusters of 1 to 64 groups, by simulation, with clients that keep to one group each and with clients that use all.

import { type Costs, type Modelled, simulate } from './model.ts'

export interface ModelRow {
  readonly groups: number
  /** Clients whose names are all in one group each, and clients whose names are anywhere. */
  readonly one: Part
  readonly all: Part
}

export interface Part extends Modelled {
  /** Of so many times the pairs of one group. */
  readonly ofProportional: number
}

const allSizes = [1, 2, 4, 8, 16, 32, 64]
/** So many for each group that its primary is what limits it. */
const clientsPerGroup = 6
const outstandingPerClient = 512

export function modelRows(costs: Costs, sizes = allSizes): ModelRow[] {
  const at = (groups: number, spread: 'one' | 'all') =>
    simulate(costs, { groups, clients: clientsPerGroup * groups, outstandingPerClient, spread })
  const single = at(1, 'one').pairsPerSecond
  const part = (groups: number, spread: 'one' | 'all'): Part => {
    const modelled = at(groups, spread)
    return { ...modelled, ofProportional: modelled.pairsPerSecond / (groups * single) }
  }
  return sizes.map(groups => ({ groups, one: part(groups, 'one'), all: part(groups, 'all') }))
}

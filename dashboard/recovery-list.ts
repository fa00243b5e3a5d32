// While the state waits for its recovery: which journals are here, which servers are waited for, and what a reset
// would give up. Text only.

import type { Status } from './answers.ts'
import { byId, element, setChildren, setText } from './element.ts'
import { grouped, lengthOf, shortOf } from './words.ts'

type Recovery = NonNullable<Status['recovery']>

export class RecoveryList {
  readonly #list = byId('recovery')

  show(status: Status): void {
    const items = linesOf(status).map((line, i) => {
      const item = this.#list.children[i] ?? element('li')
      setText(item, line)
      return item
    })
    setChildren(this.#list, items)
  }
}

function linesOf({ groups }: Status): string[] {
  return groups.flatMap(({ group, recovery }) =>
    recovery === null ? [] : linesIn(recovery, groups.length > 1 ? `Group ${group}: ` : ''),
  )
}

function linesIn({ found, waitedFor, patienceMs, lost }: Recovery, of: string): string[] {
  const more = patienceMs === 0 ? '' : `, at most ${lengthOf(patienceMs)} more if another one is here`
  return [
    ...found.map(
      ({ address, view, opNumber, proof }) =>
        `${of}Here: ${shortOf(address)}, view ${view}, operation ${grouped(opNumber)}; ${proof ?? 'its old process may still live'}`,
    ),
    ...waitedFor.map(({ address }) => `${of}Waited for: ${shortOf(address)}${more}`),
    `${of}A reset now: ${lost}`,
  ]
}

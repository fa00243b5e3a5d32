// While the state waits for its recovery: which journals are here, which servers are waited for, and what a reset
// would give up. Text only.

import type { Status } from './answers.ts'
import { byId, element, setChildren, setText } from './element.ts'
import { grouped, lengthOf, shortOf } from './words.ts'

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

function linesOf({ recovery }: Status): string[] {
  if (recovery === null) return []
  const { found, waitedFor, patienceMs, lost } = recovery
  const more = patienceMs === 0 ? '' : `, at most ${lengthOf(patienceMs)} more if another one is here`
  return [
    ...found.map(
      ({ address, view, opNumber, proof }) =>
        `Here: ${shortOf(address)}, view ${view}, operation ${grouped(opNumber)}; ${proof ?? 'its old process may still live'}`,
    ),
    ...waitedFor.map(({ address }) => `Waited for: ${shortOf(address)}${more}`),
    `A reset now: ${lost}`,
  ]
}

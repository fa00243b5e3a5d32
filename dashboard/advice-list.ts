// What an operator should do now, as the view server says it. Text only; it is not there when there is nothing to do.

import { byId, element, setChildren, setText } from './element.ts'

export class AdviceList {
  readonly #section = byId('advice-section')
  readonly #list = byId('advice')

  show(advice: readonly string[]): void {
    this.#section.hidden = advice.length === 0
    const items = advice.map((line, i) => {
      const item = this.#list.children[i] ?? element('li')
      setText(item, line)
      return item
    })
    setChildren(this.#list, items)
  }
}

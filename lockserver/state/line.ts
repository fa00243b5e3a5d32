// Who stands in a line, in order. The links are in those who stand, so that one can leave from anywhere
// without a search: a lock may have a hundred thousand holders, who end all at once (F13).

/** Of whoever can stand in a line; only the line writes them. In one line at a time. */
export interface InLine<T> {
  ahead: T | null
  behind: T | null
}

export class Line<T extends InLine<T>> {
  size = 0
  first: T | null = null
  #last: T | null = null

  /** In front of this one; at the end if it is null. */
  enter(item: T, before: T | null = null): void {
    const ahead = before === null ? this.#last : before.ahead
    this.#join(ahead, item)
    this.#join(item, before)
    this.size++
  }

  /** Nothing happens to whoever does not stand in it. */
  leave(item: T): void {
    if (item.ahead === null && this.first !== item) return
    this.#join(item.ahead, item.behind)
    item.ahead = null
    item.behind = null
    this.size--
  }

  /** Whoever leaves meanwhile may be the one that was taken last. */
  *[Symbol.iterator](): Generator<T, void, void> {
    for (let item = this.first; item !== null; ) {
      const { behind } = item
      yield item
      item = behind
    }
  }

  #join(ahead: T | null, behind: T | null): void {
    if (ahead === null) this.first = behind
    else ahead.behind = behind
    if (behind === null) this.#last = ahead
    else behind.ahead = ahead
  }
}

// A line of items, in order. The links are in the items, so that one can leave from anywhere without a
// search: a lock may have a hundred thousand holders, which end all at once (F13).

/** The links of an item, which is in one line at a time; only the line writes them. */
export interface InLine<T> {
  ahead: T | null
  behind: T | null
}

export class Line<T extends InLine<T>> {
  size = 0
  first: T | null = null
  #last: T | null = null

  get last(): T | null {
    return this.#last
  }

  /** Puts the item in front of this one; at the end if it is null. */
  enter(item: T, before: T | null = null): void {
    const ahead = before === null ? this.#last : before.ahead
    this.#join(ahead, item)
    this.#join(item, before)
    this.size++
  }

  /** An item that is not in the line stays as it is. */
  leave(item: T): void {
    if (item.ahead === null && this.first !== item) return
    this.#join(item.ahead, item.behind)
    item.ahead = null
    item.behind = null
    this.size--
  }

  /** In the meantime the item that was taken last may leave. */
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

// G2: which slots a state serves, and the number of the map by which each was opened or closed last. It is a part of
// the state (R4). A state that serves all slots asks no hash.

import { slotOf, slotsMax } from '../../wire/slots.ts'

/** From this slot to that of the next run, all are open or not, since the map of this number; 0: since the beginning. */
export type SlotRun = readonly [first: number, open: boolean, number: number]

const allOpen: readonly SlotRun[] = [[0, true, 0]]

export class Slots {
  #runs = allOpen
  #all = true

  serves(name: string): boolean {
    return this.#all || this.isOpen(slotOf(name))
  }

  get all(): boolean {
    return this.#all
  }

  isOpen(slot: number): boolean {
    return this.#at(slot)[1]
  }

  numberOf(slot: number): number {
    return this.#at(slot)[2]
  }

  #at(slot: number): SlotRun {
    let [low, high] = [0, this.#runs.length - 1]
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((this.#runs[middle]?.[0] ?? slotsMax) <= slot) low = middle
      else high = middle - 1
    }
    return this.#runs[low] ?? [0, true, 0]
  }

  /** A map's number that is not larger than a slot's last one changes nothing. Returns how many have changed. */
  set(slots: readonly number[], open: boolean, number: number): number {
    const meant = new Set(slots.filter(slot => this.numberOf(slot) < number))
    const news = Array.from({ length: slotsMax }, (_, slot): SlotRun => {
      return meant.has(slot) ? [slot, open, number] : [slot, this.isOpen(slot), this.numberOf(slot)]
    })
    this.restore(news.filter((run, i) => !isSame(run, news[i - 1])))
    return meant.size
  }

  /** The largest of a map's numbers that a slot was opened or closed by. */
  get newest(): number {
    return this.#runs.reduce((newest, [, , number]) => Math.max(newest, number), 0)
  }

  /** For a copy; none if all is as it was at the beginning. */
  get runs(): readonly SlotRun[] {
    return this.#runs === allOpen ? [] : this.#runs
  }

  restore(runs: readonly SlotRun[]): void {
    this.#runs = runs
    this.#all = runs.every(([, open]) => open)
  }
}

function isSame([, open, number]: SlotRun, before: SlotRun | undefined): boolean {
  return before !== undefined && before[1] === open && before[2] === number
}

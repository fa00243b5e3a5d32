// The locks that are held or waited for: one page of them, searched and sorted by the primary, so that
// there may be a hundred thousand. Names and clients are shown as text, whatever they contain.

import type { Cluster, LocksPage, Standing, TableRow } from './answers.ts'
import { ask, Refused } from './ask.ts'
import { CircleLine } from './circle-line.ts'
import { byId, element, setChildren, setText } from './element.ts'
import { endHold } from './end-hold.ts'
import { Poll } from './poll.ts'
import { countOf, grouped, lengthOf } from './words.ts'

type Terms = TableRow['held'][number]['terms']

interface Seen {
  readonly cluster: Cluster | null
  readonly standing: Standing
}

const rowsPerPage = 25
const everyMs = 1_000

export class LocksTable {
  readonly #prefix = byId<HTMLInputElement>('prefix')
  readonly #sort = byId('sort')
  readonly #body = byId('locks')
  readonly #caption = byId('locks-caption')
  readonly #earlier = byId<HTMLButtonElement>('earlier')
  readonly #later = byId<HTMLButtonElement>('later')
  readonly #page = byId('page')
  readonly #poll: Poll
  readonly #seen: () => Seen
  readonly #said = byId('locks-said')
  #rows = new Map<string, Row>()
  /** The last lock of each page before this one. */
  #trail: Place[] = []
  #last: Place = { name: '', rank: null }
  #isSeen = true

  constructor(seen: () => Seen) {
    this.#seen = seen
    const asked = () => {
      this.#trail = []
      this.#poll.now()
    }
    this.#prefix.addEventListener('input', asked)
    this.#sort.addEventListener('change', asked)
    this.#earlier.addEventListener('click', () => this.#turnTo(this.#trail.slice(0, -1)))
    this.#later.addEventListener('click', () => this.#turnTo([...this.#trail, this.#last]))
    this.#poll = new Poll(everyMs, () => this.#ask(), { isWanted: () => this.#isSeen })
    new IntersectionObserver(entries => {
      this.#isSeen = entries.at(-1)?.isIntersecting ?? true
      if (this.#isSeen) this.#poll.now()
    }).observe(byId('locks-section'))
  }

  #turnTo(trail: Place[]): void {
    this.#trail = trail
    this.#poll.now()
  }

  get #query(): string {
    const sort = this.#sort.querySelector<HTMLInputElement>(':checked')?.value ?? 'name'
    const query = new URLSearchParams({ prefix: this.#prefix.value, sort, limit: `${rowsPerPage}` })
    const after = this.#trail.at(-1)
    if (after !== undefined) {
      query.set('after', after.name)
      query.set('rank', `${after.rank ?? 'none'}`)
    }
    return query.toString()
  }

  async #ask(): Promise<void> {
    const query = this.#query
    try {
      const page = await ask<LocksPage>(`/locks?${query}`)
      if (query === this.#query) this.#show(page) // else the user has typed more
    } catch (error) {
      setText(
        this.#caption,
        `The locks can't be listed: ${error instanceof Refused ? error.message : 'the view server does not answer'}`,
      )
    }
  }

  #show({ total, matching, more, locks, missing = [] }: LocksPage): void {
    if (locks.length === 0 && this.#trail.length > 0) return this.#turnTo(this.#trail.slice(0, -1))
    const { name = '', rank = null } = locks.at(-1) ?? {}
    this.#last = { name, rank }
    const rows = locks.map(lock => {
      const row = this.#rows.get(lock.name) ?? new Row(lock.name, text => this.#did(text))
      row.show(lock, this.#mayEnd(lock.name))
      return [lock.name, row] as const
    })
    this.#rows = new Map(rows)
    setChildren(
      this.#body,
      rows.flatMap(([, row]) => row.roots),
    )
    const whole = countOf(total, 'lock')
    const found = this.#prefix.value === '' ? whole : `${grouped(matching)} of ${whole}`
    const known = total === 0 ? 'No lock is held or waited for.' : `${found} held or waited for`
    const all = missing.length === 0 ? known : `${known.replace(/\.$/, '')}. ${missingText(missing)}`
    const { reads } = this.#seen().standing
    setText(this.#caption, reads === null ? all : `${all.replace(/\.$/, '')}. ${scopeText(reads)}`)
    byId('locks-table').classList.toggle('empty', locks.length === 0)
    byId('pager').hidden = locks.length === 0
    const before = this.#trail.length * rowsPerPage
    const shown = `${grouped(before + 1)}–${grouped(before + locks.length)} of ${grouped(matching)}`
    setText(this.#page, locks.length === 0 ? '' : shown)
    this.#earlier.disabled = this.#trail.length === 0
    this.#later.disabled = !more
  }

  /** A9: a button is for whoever may press it. */
  #mayEnd(name: string): boolean {
    const { cluster, standing } = this.#seen()
    if (!cluster?.acts) return false
    return standing.forces === null || standing.forces.some(prefix => name.startsWith(prefix))
  }

  #did(text: string): void {
    setText(this.#said, text)
    this.#poll.now()
  }
}

/** G5 */
function missingText(missing: readonly number[]): string {
  const [groups, their] = missing.length === 1 ? ['Group', 'its'] : ['Groups', 'their']
  return `${groups} ${missing.join(', ')} did not answer: ${their} locks are left out.`
}

/** A2: what is left out depends on the rules alone. */
function scopeText(reads: readonly string[]): string {
  if (reads.length === 0) return 'You may read no lock; there may be some.'
  const names = reads.map(prefix => `"${prefix}"`).join(', ')
  return `You may read only names that begin with ${names}; there may be others.`
}

/** Of a lock in the order of the list. */
interface Place {
  readonly name: string
  readonly rank: number | null
}

const columns = ['Holder', 'Held for', 'Waiting', 'Longest wait', 'Token'] as const

/** A lock in one line; when opened, also its holders and waiters. */
class Row {
  readonly #button = element('button', { type: 'button', class: 'name', 'aria-expanded': 'false' })
  readonly #cells = columns.map((label, i) =>
    i > 0
      ? element('td', { 'data-label': label, class: 'number' })
      : element('td', { 'data-label': label }, element('span', { class: 'clamped' })),
  )
  readonly #root: HTMLTableRowElement
  readonly #people = element('ul', { class: 'people' })
  #items: Person[] = []
  readonly #details: HTMLTableRowElement
  readonly #circle: CircleLine
  readonly #did: (text: string) => void
  #isOpen = false
  #mayEnd = false
  #lock: TableRow | undefined

  constructor(name: string, did: (text: string) => void) {
    this.#did = did
    this.#button.append(element('span', { class: 'clamped' }, name))
    this.#root = element('tr', {}, element('th', { scope: 'row' }, this.#button), ...this.#cells)
    this.#circle = new CircleLine(name)
    const cell = element('td', { colspan: columns.length + 1 }, this.#people, this.#circle.root)
    this.#details = element('tr', { class: 'details' }, cell)
    this.#button.addEventListener('click', () => this.#toggle())
  }

  get roots(): HTMLTableRowElement[] {
    return this.#isOpen ? [this.#root, this.#details] : [this.#root]
  }

  show(lock: TableRow, mayEnd: boolean): void {
    this.#lock = lock
    this.#mayEnd = mayEnd
    const { held, waiting, holders, waiters } = lock
    const [first] = held
    const others = holders > 1 ? `, and ${holders - 1} more` : ''
    const longest = Math.max(...waiting.map(({ waitedMs }) => waitedMs))
    const texts = [
      first === undefined
        ? 'no client'
        : `${first.client ?? 'kept for no client'}${modeOf(first.mode)}${others}`,
      first === undefined ? '' : lengthOf(first.heldMs),
      waiters === 0 ? '' : grouped(waiters),
      waiters === 0 ? '' : lengthOf(longest),
      first === undefined ? '' : String(first.token),
    ]
    for (const [i, cell] of this.#cells.entries()) setText(cell.firstElementChild ?? cell, texts[i] ?? '')
    this.#root.classList.toggle('contended', waiters > 0)
    if (this.#isOpen) this.#showPeople()
  }

  #toggle(): void {
    this.#isOpen = !this.#isOpen
    this.#button.setAttribute('aria-expanded', String(this.#isOpen))
    this.#root.classList.toggle('open', this.#isOpen)
    if (this.#isOpen) {
      this.#showPeople()
      this.#root.after(this.#details)
    } else this.#details.remove()
  }

  /** Null: it is no hold, or may not be ended from here. */
  #endOf(i: number): (() => void) | null {
    const lock = this.#lock
    const hold = lock?.held[i]
    if (!this.#mayEnd || lock === undefined || hold === undefined) return null
    return () => void endHold(lock, hold).then(text => text !== null && this.#did(text))
  }

  #showPeople(): void {
    if (this.#lock === undefined) return
    const { held, waiting, holders, waiters } = this.#lock
    void this.#circle.look(waiters > 0)
    const more = (count: number, shown: number, what: string) =>
      count > shown ? [`and ${grouped(count - shown)} more ${what}`] : []
    const lines = [
      ...held.map(
        ({ client, clientId, mode, token, heldMs, terms }) =>
          `${heldBy(client, clientId, terms)}, ${claimText(mode, terms)}, token ${token}, for ${lengthOf(heldMs)}${noteText(terms)}`,
      ),
      ...more(holders, held.length, 'who hold it'),
      ...waiting.map(
        ({ client, clientId, mode, waitedMs, terms }, i) =>
          `${i + 1}. ${client} (${clientId.slice(0, 8)}) waits, ${claimText(mode, terms)}, for ${lengthOf(waitedMs)}${noteText(terms)}`,
      ),
      ...more(waiters, waiting.length, 'who wait'),
    ]
    this.#items = lines.map((line, i) => {
      const item = this.#items[i] ?? new Person()
      item.show(line, held[i]?.token, this.#endOf(i))
      return item
    })
    setChildren(
      this.#people,
      this.#items.map(({ root }) => root),
    )
  }
}

/** A holder or waiter in words. */
class Person {
  readonly root = element('li')
  readonly #text = element('span')
  readonly #end = element('button', { type: 'button', class: 'kill' }, 'End this hold …')
  #onEnd: (() => void) | null = null

  constructor() {
    this.#end.addEventListener('click', () => this.#onEnd?.())
  }

  show(text: string, token: number | undefined, onEnd: (() => void) | null): void {
    this.#end.setAttribute('aria-label', `End this hold … token ${token}`)
    this.#onEnd = onEnd
    setText(this.#text, text)
    setChildren(this.root, onEnd === null ? [this.#text] : [this.#text, this.#end])
  }
}

function modeOf(mode: string): string {
  return mode === 'shared' ? ' (shared)' : ''
}

/** A hold without a client is kept for some time. */
function heldBy(client: string | null, clientId: string | null, terms: Terms): string {
  if (clientId === null) return `kept for ${lengthOf(terms?.keptMs ?? 0)} more, its holder is gone`
  return `held by ${client} (${clientId.slice(0, 8)})`
}

function claimText(mode: string, terms: Terms): string {
  const permits = terms?.permits ?? null
  return permits === null ? mode : `${permits.take} of ${permits.of} permits`
}

function noteText(terms: Terms): string {
  return terms === null || terms.note === null ? '' : `: ${terms.note}`
}

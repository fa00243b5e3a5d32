// Whether this view server is the active one (E3): it reads the mark, takes one that is free or whose owner is
// gone, confirms its own, and gives it up. That is a matter of liveness only: safety is the store's
// compare-and-set (E2). Times are its own clock's, from when it asked. It decides no view.

import type { ActiveMark, MarkOwner, Trouble } from './stores/store.ts'

export type MarkInput =
  | { readonly is: 'mark read'; readonly mark: ActiveMark | null }
  | { readonly is: 'mark taken'; readonly mark: ActiveMark }
  | { readonly is: 'mark confirmed' }
  /** The last question failed. */
  | { readonly is: 'mark failed'; readonly trouble: Trouble; readonly text: string }

export type MarkEffect =
  | { readonly do: 'read mark' }
  | { readonly do: 'take mark'; readonly owner: MarkOwner; readonly instead: ActiveMark | null }
  | { readonly do: 'confirm mark'; readonly mark: ActiveMark }
  | { readonly do: 'give up mark'; readonly mark: ActiveMark }

/** What its owner learns. `lapsed`: it could not be confirmed for its lifetime. */
export type Standing = 'active' | 'replaced' | 'lapsed'

/** How often a mark is confirmed, or read by others, in its lifetime. */
const asksPerLifetime = 4
/** Until a mark was seen. */
const lifetimeMsDefault = 2_000

export class Candidacy {
  readonly #owner: MarkOwner
  readonly #silenceCounts: boolean
  #asking: { readonly what: 'read' | 'take' | 'confirm'; readonly at: number } | null = null
  /** The own mark, and when its last confirmation was asked for. */
  #mine: { readonly mark: ActiveMark; confirmedAt: number } | null = null
  /** The mark of another view server, as last read. */
  #other: ActiveMark | null = null
  /** The mark whose owner has welcomed this view server at its address. */
  #welcomedBy: ActiveMark | null = null
  /** The mark whose owner was found gone while a question was asked. */
  #gone: ActiveMark | null = null
  /** Its mark was taken while it lived: it comes back only when no mark stands. */
  #deposed = false
  #may = false
  #askedAt = Number.NEGATIVE_INFINITY
  /** Why the store does not answer; null when it did. */
  #away: string | null = null
  readonly #effects: MarkEffect[] = []

  constructor(owner: MarkOwner, silenceCounts: boolean) {
    this.#owner = owner
    this.#silenceCounts = silenceCounts
  }

  takeEffects(): MarkEffect[] {
    return this.#effects.splice(0)
  }

  /** 0: it is not active. */
  get number(): number {
    return this.#mine?.mark.number ?? 0
  }

  get away(): string | null {
    return this.#away
  }

  /** Who is active, if another is. */
  get other(): ActiveMark | null {
    return this.#other
  }

  /** Whether it may become active: it can be reached at its address, and can use what the store holds. */
  allow(may: boolean): void {
    this.#may = may
  }

  tick(now: number): Standing | undefined {
    const { mark, confirmedAt } = this.#mine ?? {}
    if (mark !== undefined && confirmedAt !== undefined && now - confirmedAt >= mark.lifetimeMs) {
      this.#mine = null
      return 'lapsed'
    }
    const everyMs = (mark ?? this.#other)?.lifetimeMs ?? lifetimeMsDefault
    if (now - this.#askedAt < everyMs / asksPerLifetime) return undefined
    this.ask(now)
    return undefined
  }

  /** The mark may have changed, or is to be confirmed. */
  ask(now: number): void {
    if (this.#asking !== null) return
    if (this.#mine === null) this.#do('read', now, { do: 'read mark' })
    else this.#do('confirm', now, { do: 'confirm mark', mark: this.#mine.mark })
  }

  heard(input: MarkInput, now: number): Standing | undefined {
    const asked = this.#asking
    this.#asking = null
    this.#away = input.is === 'mark failed' && input.trouble === 'away' ? input.text : null
    switch (input.is) {
      case 'mark read':
        this.#read(input.mark, now)
        if (this.#other !== null && isSame(this.#gone, this.#other)) this.#replace(this.#other, now)
        this.#gone = null
        return undefined
      case 'mark taken':
        return this.#taken(input.mark, asked?.at ?? now)
      case 'mark confirmed':
        if (this.#mine !== null && asked !== null) this.#mine.confirmedAt = asked.at
        return undefined
      case 'mark failed':
        return this.#failed(asked?.what ?? 'read', input.trouble)
    }
  }

  /** This view server is a standby from now on. */
  giveUp(): void {
    if (this.#mine !== null) this.#effects.push({ do: 'give up mark', mark: this.#mine.mark })
    this.#mine = null
  }

  // ---- what is found at the address of the one that is active

  welcomed(id: string, ownReached: boolean, now: number): void {
    const other = this.#other
    if (other === null) return
    if (id === other.id) this.#welcomedBy = other
    // Another process listens where the active one did, and this network leads where it should.
    else if (ownReached) this.#replace(other, now)
  }

  /** No process listens at its address; that counts only where it has been met. */
  refused(now: number): void {
    if (this.#other !== null && isSame(this.#welcomedBy, this.#other)) this.#replace(this.#other, now)
  }

  /** It has not answered for the lifetime of its mark. */
  silent(now: number): void {
    if (this.#other !== null && this.#silenceCounts) this.#replace(this.#other, now)
  }

  #replace(mark: ActiveMark, now: number): void {
    if (!this.#may || this.#deposed || this.#mine !== null) return
    if (this.#asking !== null) this.#gone = mark
    else this.#do('take', now, { do: 'take mark', owner: this.#owner, instead: mark })
  }

  #read(mark: ActiveMark | null, now: number): void {
    if (this.#mine !== null) return
    // Its own: the taking had an unknown outcome, or the giving up; so it is taken anew.
    const isFree = mark === null || mark.id === this.#owner.id
    this.#other = isFree ? null : mark
    if (isFree && this.#may) this.#do('take', now, { do: 'take mark', owner: this.#owner, instead: mark })
  }

  /** One that may not be active any more leaves the place to others. */
  #taken(mark: ActiveMark, askedAt: number): Standing | undefined {
    this.#mine = { mark, confirmedAt: askedAt }
    this.#other = null
    this.#deposed = false
    if (this.#may) return 'active'
    this.giveUp()
    return undefined
  }

  #failed(what: 'read' | 'take' | 'confirm', trouble: Trouble): Standing | undefined {
    // Of whatever was not answered, the truth is read.
    if (what === 'take') this.#askedAt = Number.NEGATIVE_INFINITY
    if (what !== 'confirm' || trouble !== 'taken' || this.#mine === null) return undefined
    this.#mine = null
    this.#deposed = true
    this.#askedAt = Number.NEGATIVE_INFINITY
    return 'replaced'
  }

  #do(what: 'read' | 'take' | 'confirm', now: number, effect: MarkEffect): void {
    this.#asking = { what, at: now }
    this.#askedAt = now
    this.#effects.push(effect)
  }
}

/** A store that was put back to an older time gives versions twice. */
function isSame(one: ActiveMark | null, other: ActiveMark): boolean {
  return one !== null && one.version === other.version && one.id === other.id
}

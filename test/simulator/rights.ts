// The access file of a story: which tokens and rules each principal has, and since when; who of the users is whose. It
// changes the file as the plan says, mends it at the end, and answers what a principal might do at some time. It judges
// nothing.

import type { Principal, Rule } from '../../wire/access/principal.ts'
import { type AccessTable, readAccess } from '../../wire/access/table.ts'
import { hashOf } from '../../wire/net/secret.ts'
import type { Cluster } from '../fixtures/cluster.ts'
import type { Random } from '../fixtures/random.ts'
import { type AccessKind, type AccessShape, allRules, drawRules, isTheft, type Theft } from './granting.ts'
import type { Trace } from './trace.ts'

/** What one principal has in the file. */
interface Own {
  /** The newest is shown; two may be valid at a time (A8). */
  tokens: readonly string[]
  /** Shown by those that have no valid one. */
  last: string
  rules: readonly Rule[]
  gone: boolean
  keys: number
}

/** What it could do from then on; null: it had no token. */
interface Since {
  readonly at: number
  readonly principal: Principal | null
}

const never = Number.NEGATIVE_INFINITY

export class Rights {
  readonly shape: AccessShape
  readonly #names: readonly string[]
  readonly #own = new Map<string, Own>()
  readonly #history = new Map<string, Since[]>()
  /** When one of its tokens was taken away last, and when anything of it was changed. */
  readonly #lostAt = new Map<string, number>()
  readonly #changedAt = new Map<string, number>()
  #cluster: Cluster | null = null
  #trace: Trace | null = null
  #over = false

  constructor(shape: AccessShape, names: readonly string[]) {
    this.shape = shape
    this.#names = names
    for (let i = 1; i <= shape.principals; i++) {
      const own = { tokens: [], last: '', rules: allRules, gone: false, keys: 0 }
      this.#own.set(`p${i}`, own)
      this.#addKey(`p${i}`, own)
    }
    const table = this.table()
    for (const name of this.principals)
      this.#history.set(name, [{ at: never, principal: bearerOf(table, name) }])
  }

  follow(cluster: Cluster, trace: Trace): void {
    this.#cluster = cluster
    this.#trace = trace
  }

  get principals(): string[] {
    return [...this.#own.keys()]
  }

  /** Of the user with this name, such as c7; null: no rules apply to it. */
  principalOf(user: string): string | null {
    const number = /^c(\d+)$/.exec(user)?.[1]
    return number === undefined ? null : `p${((Number(number) - 1) % this.shape.principals) + 1}`
  }

  /** What this user shows now. */
  tokenOf(user: string): string {
    return this.tokenOfPrincipal(this.principalOf(user) ?? '')
  }

  tokenOfPrincipal(name: string): string {
    const own = this.#own.get(name)
    return own?.tokens.at(-1) ?? own?.last ?? 'no token'
  }

  table(): AccessTable {
    const entries = [...this.#own].flatMap(([name, { tokens, rules, gone }]) =>
      gone ? [] : [[name, { tokens: tokens.map(hashOf), rules: rules.map(ruleInFile) }]],
    )
    return readAccess(JSON.stringify({ format: 1, principals: Object.fromEntries(entries) }))
  }

  // ---- what was

  /** Whether this was so at some moment of that time, by the file. */
  ever(name: string, from: number, to: number, test: (principal: Principal | null) => boolean): boolean {
    const all = this.#history.get(name) ?? []
    return all.some(({ at, principal }, i) => {
      const until = all[i + 1]?.at ?? Number.POSITIVE_INFINITY
      return at <= to && until >= from && test(principal)
    })
  }

  lostAt(name: string): number {
    return this.#lostAt.get(name) ?? never
  }

  changedAt(name: string): number {
    return this.#changedAt.get(name) ?? never
  }

  /** Since when this user could come in, and nothing of its rights was changed; Infinity: it can't now. */
  steadySince(user: string): number {
    const name = this.principalOf(user)
    if (name === null) return 0
    const { principal } = this.#history.get(name)?.at(-1) ?? { principal: null }
    return principal === null ? Number.POSITIVE_INFINITY : this.changedAt(name) + this.shape.readMs
  }

  // ---- what changes

  /** Whom it befalls; a peer that comes befalls all. */
  perform(kind: AccessKind, dice: Random): string {
    if (isTheft(kind)) return ''
    const name = dice.pick(this.principals)
    this.#change(kind, name, dice)
    return name
  }

  #change(kind: Exclude<AccessKind, Theft>, name: string, dice: Random): void {
    const own = this.#own.get(name) as Own
    this.#trace?.tell(() => `!! access: ${kind}: ${name}`)
    switch (kind) {
      case 'token taken':
        return this.#takes(name, dice.pick([300, 1_500, 4_000]) * (0.5 + dice.next()), dice)
      case 'token flickers':
        return this.#takes(name, dice.next() * 400, dice)
      case 'principal gone':
        own.gone = true
        return this.#takes(name, dice.pick([300, 1_500, 4_000]) * (0.5 + dice.next()), dice)
      case 'rules narrowed':
        own.rules = own.rules === allRules ? drawRules(this.#names, dice) : []
        return this.#changed(name, dice)
      case 'rules changed':
        own.rules = drawRules(this.#names, dice)
        return this.#changed(name, dice)
      case 'rules given back':
        own.rules = allRules
        return this.#changed(name, dice)
      case 'key rotated':
        return this.#rotates(name, dice)
    }
  }

  /** All is given back. */
  heal(): void {
    this.#over = true
    for (const [name, own] of this.#own) {
      own.rules = allRules
      this.#gives(name, own)
    }
    this.#write(this.principals, () => 0)
  }

  #takes(name: string, forMs: number, dice: Random): void {
    const own = this.#own.get(name) as Own
    own.tokens = []
    this.#lostAt.set(name, this.#now)
    this.#changed(name, dice)
    this.#later(forMs, () => {
      this.#gives(name, own)
      this.#trace?.tell(() => `!! access: ${name} has a token again`)
      this.#changed(name, dice)
    })
  }

  #gives(name: string, own: Own): void {
    own.gone = false
    if (own.tokens.length === 0) this.#addKey(name, own)
  }

  /** A8: the new one is valid beside the old one for a while. */
  #rotates(name: string, dice: Random): void {
    const own = this.#own.get(name) as Own
    if (own.tokens.length !== 1) return
    this.#addKey(name, own)
    this.#changed(name, dice)
    this.#later(100 + dice.next() * 600, () => {
      if (own.tokens.length < 2) return
      own.tokens = own.tokens.slice(1)
      this.#lostAt.set(name, this.#now)
      this.#trace?.tell(() => `!! access: the older token of ${name} is gone`)
      this.#changed(name, dice)
    })
  }

  #addKey(name: string, own: Own): void {
    own.last = `the token ${++own.keys} of ${name}`
    own.tokens = [...own.tokens, own.last]
  }

  #changed(name: string, dice: Random): void {
    const { readMs } = this.shape
    this.#write([name], () => (readMs === 0 ? 0 : 1 + dice.next() * readMs))
  }

  #write(names: readonly string[], readMs: () => number): void {
    const table = this.table()
    for (const name of names) {
      this.#changedAt.set(name, this.#now)
      this.#history.get(name)?.push({ at: this.#now, principal: bearerOf(table, name) })
    }
    this.#cluster?.changeAccess(table, readMs)
  }

  get #now(): number {
    return this.#cluster?.network.time ?? 0
  }

  #later(ms: number, then: () => void): void {
    this.#cluster?.network.after(ms, () => {
      if (!this.#over) then()
    })
  }
}

/** What a principal may do by this file; null: it has no valid token. */
export function bearerOf(table: AccessTable, name: string): Principal | null {
  for (const principal of table.byHash.values()) if (principal.name === name) return principal
  return null
}

function ruleInFile({ prefix, verbs }: Rule): object {
  return prefix === null ? { verbs } : { prefix, verbs }
}

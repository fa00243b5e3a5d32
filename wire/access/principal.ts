// Who may do what (A2): a principal's rights as plain data, and the one question that they answer. Every server asks it
// where a request comes in. It knows no token, no clock and no connection, and reads no file.

/** What may be done to a lock, by the beginning of its name. */
export const lockVerbs = ['acquire', 'steal', 'force', 'read'] as const
/** What may be done to the cluster as a whole. */
export const clusterVerbs = ['operate', 'metrics'] as const
export const verbs = [...lockVerbs, ...clusterVerbs] as const

export type LockVerb = (typeof lockVerbs)[number]
export type ClusterVerb = (typeof clusterVerbs)[number]
export type Verb = LockVerb | ClusterVerb

/** As the access file has it: verbs of locks with a prefix, verbs of the cluster without one. */
export interface Rule {
  /** Null: the rule is about the cluster. */
  readonly prefix: string | null
  readonly verbs: readonly Verb[]
}

export interface Principal {
  readonly name: string
  /** The beginnings of names that each verb is allowed for; none of a list begins with another one of it. */
  readonly locks: Readonly<Record<LockVerb, readonly string[]>>
  readonly cluster: readonly ClusterVerb[]
}

/** In characters. */
export const principalNameMax = 100

/** Of the access file, and of what a signed token calls its bearer: neither has a space, so that one may stand between them. */
export function isPrincipalName(name: string): boolean {
  return name.length >= 1 && name.length <= principalNameMax && /^[^\s\p{C}]+$/u.test(name)
}

/** The issuer of the signed token by which a principal is called so; null: an access file calls it so. */
export function issuerIn(name: string): string | null {
  return / \((.+)\)$/.exec(name)?.[1] ?? null
}

export function principalOf(name: string, rules: readonly Rule[]): Principal {
  const prefixesOf = (verb: LockVerb) =>
    rules.flatMap(({ prefix, verbs }) => (prefix !== null && verbs.includes(verb) ? [prefix] : []))
  const [acquire, steal, force, read] = lockVerbs.map(verb => shortest(prefixesOf(verb)))
  return {
    name,
    locks: { acquire: acquire ?? [], steal: steal ?? [], force: force ?? [], read: read ?? [] },
    cluster: clusterVerbs.filter(verb => rules.some(({ verbs }) => verbs.includes(verb))),
  }
}

/** Null stands for a peer to which no rules apply: it may do all. `lock`: null for a verb of the cluster. */
export function allows(principal: Principal | null, verb: Verb, lock: string | null): boolean {
  if (principal === null) return true
  if (verb === 'operate' || verb === 'metrics') return principal.cluster.includes(verb)
  return lock !== null && startsWithAny(lock, principal.locks[verb])
}

/**
 * What of all names that begin with `prefix` a principal may read. Null: all of them; else those that begin with one of
 * these, which may be none. It depends on the rules alone, so that it tells nothing of the locks that there are.
 */
export function readable(principal: Principal | null, prefix: string): readonly string[] | null {
  if (principal === null || startsWithAny(prefix, principal.locks.read)) return null
  return principal.locks.read.filter(each => each.startsWith(prefix))
}

/** It may see how the cluster is: who runs it, who measures it, and who may read any lock. */
export function looks(principal: Principal | null): boolean {
  return principal === null || principal.cluster.length > 0 || principal.locks.read.length > 0
}

/** The beginning of names by which a verb is allowed for this lock; null: by none. */
export function prefixFor(principal: Principal, verb: LockVerb, lock: string): string | null {
  return principal.locks[verb].find(prefix => lock.startsWith(prefix)) ?? null
}

export function sameRights(a: Principal, b: Principal): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** A short way for the one prefix that most principals have. */
export function startsWithAny(name: string, prefixes: readonly string[]): boolean {
  for (const prefix of prefixes) if (name.startsWith(prefix)) return true
  return false
}

/** Those that no other one of them covers, in order. */
function shortest(prefixes: readonly string[]): string[] {
  const sorted = [...new Set(prefixes)].sort()
  return sorted.filter(prefix => !sorted.some(other => other !== prefix && prefix.startsWith(other)))
}

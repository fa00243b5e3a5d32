// Tokens that issuers of the access file have signed (A3): looked at once, with the library jose, which only a server with
// such issuers loads. What was found is known from then on, and asked of the keys and the rules of the moment. It keeps no
// token, and shows none; it lets no peer in.

import { resolve } from 'node:path'
import type * as Jose from 'jose'
import { type Issuer, isAddress, isSameIssuer } from '../access/issuers.ts'
import { AccessError, isRecord } from '../access/place.ts'
import { claimsOf, principalOfSigned, type Signed } from '../access/signed.ts'
import type { AccessTable } from '../access/table.ts'
import { readClock } from '../clock.ts'
import { WireError } from '../codec.ts'
import { tokensAtOnce, tokensKnownMax, tokensWaitingMax } from '../limits.ts'
import type { Proven, SignedTokens } from '../net/guard.ts'
import { hashOf } from '../net/secret.ts'
import { clearTimeout, setTimeout } from '../net/timers-node.ts'
import { KeySet, type SetKey } from './key-set.ts'

export interface IssuedTokensOwner {
  /** Some tokens may be good no more. */
  changed(): void
  /** The keys of an issuer can't be read; the last good ones count. */
  spoilt(issuer: string, problem: string): void
}

/** The keys of an issuer, for the metrics. */
export interface IssuerKeys {
  readonly issuer: string
  readonly problem: string | null
  readonly spoilt: number
}

/** How often files of keys are looked at, and addresses that may be due. */
const lookMs = 500

type Unproven = Pick<Signed, 'issuer' | 'key'> & { readonly payload: Jose.JWTPayload }

export class IssuedTokens implements SignedTokens {
  readonly #folder: string
  #table: AccessTable
  #jose: typeof Jose | null = null
  /** By path or address. */
  #sets = new Map<string, KeySet>()
  /** By the hash of the token, the oldest first. */
  readonly #known = new Map<string, Signed>()
  /** Those that are looked at now. */
  readonly #looks = new Map<string, Promise<WireError | null>>()
  #checking = 0
  readonly #waiting: (() => void)[] = []
  #owner: IssuedTokensOwner | null = null
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(table: AccessTable, folder: string) {
    this.#table = table
    this.#folder = folder
  }

  /**
   * `folder`: where paths of keys begin. Rejects with one clear line if a file of keys can't be used: a server does not start
   * without its rules. One whose address of keys is away starts, and says so.
   */
  static async open(table: AccessTable, folder: string): Promise<IssuedTokens> {
    const tokens = new IssuedTokens(table, folder)
    await tokens.change(table)
    for (const { name, keys } of table.issuers.values()) {
      const problem = tokens.#setOf(keys)?.problem ?? null
      if (problem !== null && !isAddress(keys)) throw new Error(`of the issuer ${name}, ${problem}`)
    }
    return tokens
  }

  /** The access file was read again. Resolves when the keys of new issuers were read, or not. */
  async change(table: AccessTable): Promise<void> {
    this.#table = table
    const issuers = [...table.issuers.values()]
    const sets = new Map(issuers.map(({ keys }) => [this.#at(keys), this.#setOf(keys)]))
    const fresh: Promise<void>[] = []
    this.#sets = new Map(
      [...sets].map(([at, set]) => {
        const kept = set ?? new KeySet(at)
        this.#listen(kept, at)
        if (set === undefined) fresh.push(kept.read())
        return [at, kept]
      }),
    )
    if (issuers.length > 0) this.#jose ??= await import('jose')
    await Promise.all(fresh)
  }

  start(owner: IssuedTokensOwner): void {
    this.#owner = owner
    for (const { issuer, problem } of this.keys) if (problem !== null) owner.spoilt(issuer, problem)
    this.#plan()
  }

  /** Reads all keys again, at once. */
  async reload(): Promise<void> {
    await Promise.all([...this.#sets.values()].map(set => set.read()))
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  get keys(): readonly IssuerKeys[] {
    return [...this.#table.issuers.values()].map(({ name, keys }) => {
      const { problem = null, spoilt = 0 } = this.#setOf(keys) ?? {}
      return { issuer: name, problem, spoilt }
    })
  }

  check(proof: string): Promise<WireError | null> | null {
    if (this.#table.issuers.size === 0 || !looksSigned(proof)) return null
    const hash = hashOf(proof)
    if (this.#table.byHash.has(hash) || this.proven(hash) !== undefined) return null
    const before = this.#looks.get(hash)
    if (before !== undefined) return before
    if (this.#looks.size >= tokensWaitingMax) return Promise.resolve(tooMany)
    const look = this.#look(proof, hash).finally(() => this.#looks.delete(hash))
    this.#looks.set(hash, look)
    return look
  }

  proven(hash: string): Proven | undefined {
    const signed = this.#known.get(hash)
    return signed === undefined ? undefined : this.again(signed)
  }

  again(signed: Signed): Proven | undefined {
    const { issuer, key, endsAt } = signed
    const stands = isSameIssuer(issuer, this.#table.issuers.get(issuer.name))
    if (!stands || endsAt <= readClock().wall || !this.#setOf(issuer.keys)?.has(key)) return undefined
    return { principal: principalOfSigned(signed, this.#table), hash: null, signed }
  }

  async #look(proof: string, hash: string): Promise<WireError | null> {
    try {
      const jose = this.#jose ?? (await import('jose'))
      const issuer = this.#issuerOf(jose, proof)
      const key = await this.#keyFor(issuer, jose.decodeProtectedHeader(proof))
      const { payload } = await this.#inTurn(() => verified(jose, proof, issuer, key))
      this.#keep(hash, this.#signed({ issuer, key: key.id, payload }))
      return null
    } catch (error) {
      return refusalOf(error)
    }
  }

  /** By what the token says itself: this only finds the keys that it has to be checked with. */
  #issuerOf(jose: typeof Jose, proof: string): Issuer {
    const { iss } = jose.decodeJwt(proof)
    for (const issuer of this.#table.issuers.values()) if (issuer.issuer === iss) return issuer
    throw new AccessError('is of no issuer that the access file names')
  }

  async #keyFor(issuer: Issuer, { alg, kid }: Jose.ProtectedHeaderParameters): Promise<SetKey> {
    if (alg === undefined || !issuer.algorithms.includes(alg))
      throw new AccessError(
        `has an algorithm that its issuer does not use: ${issuer.algorithms.join(', ')} are taken`,
      )
    const set = this.#setOf(issuer.keys)
    const key = keyNamed(set?.keys ?? [], kid, alg)
    if (key !== undefined) return key
    const isFresh = (await set?.lookFor()) ?? false
    const late = keyNamed(set?.keys ?? [], kid, alg)
    if (late !== undefined) return late
    if (!isFresh)
      throw new WireError(
        'TOKEN_NOT_CHECKED',
        `the key that the signed token names is not known, and the keys of the issuer ${issuer.name} are not read again at this time`,
      )
    throw new AccessError(
      kid === undefined
        ? 'names no key (kid), and its issuer has not one alone'
        : 'is signed with a key that is not, or no more, in the set of its issuer',
    )
  }

  #signed({ issuer, key, payload }: Unproven): Signed {
    const endsAt = (payload.exp ?? 0) * 1_000 + issuer.toleranceMs
    return { issuer, key, ...claimsOf(issuer, payload, this.#table), endsAt }
  }

  #keep(hash: string, signed: Signed): void {
    this.#known.set(hash, signed)
    if (this.#known.size <= tokensKnownMax) return
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest)
  }

  /** B3: signatures are checked beside the event loop, where the disk has its turn too. */
  async #inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (this.#checking >= tokensAtOnce) await new Promise<void>(go => this.#waiting.push(go))
    else this.#checking++
    try {
      return await run()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#checking--
      else next()
    }
  }

  #at(keys: string): string {
    return isAddress(keys) ? keys : resolve(this.#folder, keys)
  }

  #setOf(keys: string): KeySet | undefined {
    return this.#sets.get(this.#at(keys))
  }

  #listen(set: KeySet, at: string): void {
    set.start({
      changed: () => !this.#isClosed && this.#owner?.changed(),
      spoilt: problem => {
        for (const { name, keys } of this.#table.issuers.values())
          if (this.#at(keys) === at && !this.#isClosed) this.#owner?.spoilt(name, problem)
      },
    })
  }

  #plan(): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => void this.#lookAtSets(), lookMs).unref()
  }

  async #lookAtSets(): Promise<void> {
    await Promise.all([...this.#sets.values()].map(set => set.look()))
    this.#plan()
  }
}

/** Each key is made ready once. */
const loadedKeys = new WeakMap<SetKey, ReturnType<typeof Jose.createLocalJWKSet>>()

function verified(
  jose: typeof Jose,
  proof: string,
  { issuer, audience, algorithms, toleranceMs }: Issuer,
  key: SetKey,
): Promise<Jose.JWTVerifyResult> {
  const loaded = loadedKeys.get(key) ?? jose.createLocalJWKSet({ keys: [key.jwk] })
  loadedKeys.set(key, loaded)
  return jose.jwtVerify(proof, loaded, {
    issuer,
    audience,
    algorithms: [...algorithms],
    clockTolerance: toleranceMs / 1_000,
    currentDate: new Date(readClock().wall),
    requiredClaims: ['exp'],
  })
}

/** Three parts in base64url. A token of the file has no dots unless its maker wished for them. */
function looksSigned(proof: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(proof)
}

function keyNamed(keys: readonly SetKey[], kid: unknown, algorithm: string): SetKey | undefined {
  const fit = keys.filter(({ jwk }) => jwk.alg === undefined || jwk.alg === algorithm)
  if (kid === undefined) return fit.length === 1 ? fit[0] : undefined
  return fit.find(key => key.kid === kid)
}

const tooMany = new WireError('TOKEN_NOT_CHECKED', 'too many signed tokens wait to be checked')

/** What is wrong is told, and where it was found; nothing of the token is. */
function refusalOf(error: unknown): WireError {
  if (error instanceof WireError) return error
  return new WireError(
    'WRONG_TOKEN',
    `the signed token ${error instanceof AccessError ? error.message : problemOf(error)}`,
  )
}

function problemOf(error: unknown): string {
  const { code = '', claim = '', reason = '' } = isRecord(error) ? error : (error as Record<string, unknown>)
  if (code === 'ERR_JWT_EXPIRED') return 'has run out; its program must get a new one from the issuer'
  if (code === 'ERR_JWT_CLAIM_VALIDATION_FAILED') return claimProblem(String(claim), reason === 'missing')
  return problems[String(code)] ?? 'is none: it can not be read'
}

const problems: Readonly<Record<string, string>> = {
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED:
    'has a wrong signature: it was not signed with the key that it names',
  ERR_JWKS_NO_MATCHING_KEY: 'names a key of its issuer that is not for its algorithm',
  ERR_JOSE_ALG_NOT_ALLOWED: 'has an algorithm that its issuer does not use',
}

function claimProblem(claim: string, isMissing: boolean): string {
  if (isMissing) return `lacks the claim ${claim}`
  if (claim === 'nbf') return 'is not valid yet'
  if (claim === 'aud') return 'is for another audience than the access file names'
  return `has a claim ${claim} that won't do`
}

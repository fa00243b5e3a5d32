// Whether a peer may come in, and as whom (A1): a server by a server secret, a client by a token of the access file, or by one
// that an issuer of the file has signed. The lone secret of a cluster without rules is good for all of it. It keeps no
// connection, reads no file and checks no signature.

import { allows, type ClusterVerb, type Principal } from '../access/principal.ts'
import type { Signed } from '../access/signed.ts'
import { type Standing, standingOf } from '../access/standing.ts'
import type { AccessTable } from '../access/table.ts'
import { WireError } from '../codec.ts'
import type { HelloFrom } from '../messages.ts'
import { hashOf, isSecret } from './secret.ts'

/** A secret or token of fewer bytes is refused beyond loopback (A6). */
export const proofBytesMin = 16

/** Who may come in. */
export interface Access {
  /** Good for everything; null: there is none. */
  readonly secret: string | null
  /** A8: two may be valid at a time. This server shows them in this order. */
  readonly serverSecrets: readonly string[]
  /** The access file as it was read last; null: there is none. */
  readonly table: AccessTable | null
  /** A6: proofs of fewer bytes are not taken. */
  readonly bytesMin: number
  /** Servers show a certificate as well, which is checked elsewhere (A5); alone it is proof enough. */
  readonly certificates: boolean
}

/** A peer that has come in. */
export interface Proven {
  /** Null: no rules apply to it. */
  readonly principal: Principal | null
  /** The SHA-256 of the token that it has shown; null: it has shown none. */
  readonly hash: string | null
  /** What its token says, if an issuer has signed it. */
  readonly signed?: Signed
}

/** Tokens that issuers have signed (A3). To look at one takes time; what was found is known from then on. */
export interface SignedTokens {
  /** Null: there is nothing to wait for. Else why the token is not good, once that is known; null: it is. */
  check(proof: string): PromiseLike<WireError | null> | null
  /** Undefined: no token with this hash was looked at and is good now. */
  proven(hash: string): Proven | undefined
  /** What a token that was good gives now; undefined: nothing any more. */
  again(signed: Signed): Proven | undefined
}

export const openAccess: Access = {
  secret: null,
  serverSecrets: [],
  table: null,
  bytesMin: 0,
  certificates: false,
}

const trusted: Proven = { principal: null, hash: null }

export class Guard {
  #access: Access
  readonly #signed: SignedTokens | null

  constructor(access: Access, signed: SignedTokens | null = null) {
    this.#access = access
    this.#signed = signed
  }

  get access(): Access {
    return this.#access
  }

  /** A3: the file was read again. */
  change(table: AccessTable): void {
    this.#access = { ...this.#access, table }
  }

  /** There is nothing that a peer would have to show. */
  get isOpen(): boolean {
    const { secret, serverSecrets, table } = this.#access
    return secret === null && serverSecrets.length === 0 && table === null
  }

  /** Some peers have fewer rights than others. */
  get hasRules(): boolean {
    return this.#access.table !== null
  }

  /** A3: who may come in, for sessions without a connection; null: no rules apply to any. */
  get standing(): Standing | null {
    const { table } = this.#access
    return table === null ? null : standingOf(table)
  }

  /** What this server shows when it dials another one: the first that is taken counts (A8). */
  get ownProofs(): readonly (string | null)[] {
    const { secret, serverSecrets } = this.#access
    const all = [...serverSecrets, ...(secret === null ? [] : [secret])]
    return all.length === 0 ? [null] : all
  }

  /** A3: a client's token that has to be looked at before `prove` and `client` know it. Null: none, or it is known already. */
  check(kind: HelloFrom['kind'], proof: string | null): PromiseLike<WireError | null> | null {
    if (kind !== 'client' || proof === null) return null
    return this.#signed?.check(proof) ?? null
  }

  /** Throws WRONG_SECRET or WRONG_TOKEN. */
  prove(kind: HelloFrom['kind'], proof: string | null): Proven {
    if (this.isOpen) return trusted
    const proven = kind === 'client' ? this.client(proof) : this.#server(proof)
    if (proven !== undefined) return proven
    if (kind === 'client' && this.#access.table !== null) throw new WireError('WRONG_TOKEN', wrongToken)
    throw new WireError(
      'WRONG_SECRET',
      kind === 'client' || !this.#serversApart ? wrongSecret : wrongServerSecret,
    )
  }

  /** Undefined: it is no client's proof. */
  client(proof: string | null): Proven | undefined {
    if (this.isOpen) return trusted
    const { secret, table } = this.#access
    if (proof === null || Buffer.byteLength(proof) < this.#access.bytesMin) return undefined
    // Both are done whatever comes of the first, so that time tells nothing of either.
    const isSame = secret !== null && isSecret(proof, secret)
    const hash = hashOf(proof)
    const principal = table?.byHash.get(hash)
    if (isSame) return trusted
    return principal === undefined ? this.#signed?.proven(hash) : { principal, hash }
  }

  /** A1: whether a page for servers may be shown. `certified`: its certificate proves that the caller is one (A5). */
  isServer(proof: string | null, certified: boolean): boolean {
    if (this.#access.certificates && !certified) return false
    return this.#server(proof) !== undefined
  }

  /** A3: what the bearer of this token may do now; undefined: nothing any more. */
  again({ principal, hash, signed }: Proven): Proven | undefined {
    if (signed !== undefined) return this.#signed?.again(signed)
    if (hash === null) return { principal, hash }
    const now = this.#access.table?.byHash.get(hash)
    return now === undefined ? undefined : { principal: now, hash }
  }

  #server(proof: string | null): Proven | undefined {
    const { secret, serverSecrets, bytesMin, certificates } = this.#access
    if (certificates && secret === null && serverSecrets.length === 0) return trusted
    if (proof === null || Buffer.byteLength(proof) < bytesMin) return undefined
    let found = false
    for (const each of [...serverSecrets, ...(secret === null ? [] : [secret])])
      if (isSecret(proof, each)) found = true
    return found ? trusted : undefined
  }

  get #serversApart(): boolean {
    return this.#access.serverSecrets.length > 0 || this.#access.table !== null
  }
}

/** Whether a peer may do something to the cluster as a whole (A2). */
export function mayDo({ principal }: Proven, verb: ClusterVerb): boolean {
  return allows(principal, verb, null)
}

const wrongSecret =
  'the shared secret is missing or wrong; set --secret (HOLDFAST_SECRET) as the cluster has it'
const wrongServerSecret =
  'this peer says that it is a server, and its server secret is missing or wrong; set --server-secret (HOLDFAST_SERVER_SECRET) as the cluster has it'
const wrongToken =
  'the access token is missing or wrong, or it was taken away; set --access-token (HOLDFAST_ACCESS_TOKEN), or the option token of connect'

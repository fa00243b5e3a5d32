// The access settings of a server (A1, A3, A6): its secrets and its access file, checked once when it starts, and the
// guard that is made of them. It says what is missing or too short, and hands on what the file and the keys of its issuers say
// later.

import { dirname } from 'node:path'
import type { AccessTable } from '../access/table.ts'
import { Guard, proofBytesMin } from '../net/guard.ts'
import { isLoopback } from '../net/listen.ts'
import { clearInterval, setInterval } from '../net/timers-node.ts'
import { optionalText, trueOrFalse } from '../options.ts'
import { checkSecret, secretProblem } from '../secret-problem.ts'
import { AccessFile } from './access-file.ts'
import { IssuedTokens, type IssuerKeys } from './issued-tokens.ts'
import type { Logger } from './log.ts'

/** As a server's options have them. */
export interface AccessOptions {
  /**
   * One secret for everything: whoever has it is server, operator and client of the cluster. Better, beyond one machine:
   * `serverSecret` and `access`.
   */
  readonly secret?: string | undefined
  /** Known to the servers of the cluster and to no client; two while one replaces the other: the first is shown. */
  readonly serverSecret?: string | readonly string[] | undefined
  /** Path of the access file: who may do what. It is read again when it changes. */
  readonly access?: string | undefined
  /** A session whose token is taken away ends at once, and not with its lease. */
  readonly revokeNow?: boolean | undefined
  /** Listen beyond loopback without any of these. */
  readonly insecure?: boolean | undefined
}

export interface CheckedAccess {
  readonly secret: string | null
  readonly serverSecrets: readonly string[]
  readonly access: string | null
  readonly revokeNow: boolean
  readonly insecure: boolean
}

export const accessOptionNames = ['secret', 'serverSecret', 'access', 'revokeNow', 'insecure']

const serverSecretsMax = 2

export function checkAccess(options: AccessOptions): CheckedAccess {
  return {
    secret: checkSecret(options.secret),
    serverSecrets: serverSecretsOf(options.serverSecret),
    access: optionalText('access', options.access) ?? null,
    revokeNow: trueOrFalse('revokeNow', options.revokeNow),
    insecure: trueOrFalse('insecure', options.insecure),
  }
}

function serverSecretsOf(given: AccessOptions['serverSecret']): readonly string[] {
  const list: readonly unknown[] = given === undefined ? [] : typeof given === 'string' ? [given] : given
  if (list.length > serverSecretsMax)
    throw new TypeError(
      `serverSecret may be ${serverSecretsMax} secrets while one replaces the other, not ${list.length}`,
    )
  return list.map(secret => {
    const problem = secretProblem(secret)
    if (problem !== undefined) throw new TypeError(`serverSecret ${problem}`)
    return secret as string
  })
}

/** Who can reach the server, and how servers prove themselves, too (A5). */
interface Reached {
  readonly host: string
  readonly adminListen: { readonly host: string } | null
  readonly tls: { readonly clientCaFile: string | null } | null
}

export interface ServerAccessOwner {
  /** The rules are others now. */
  changed(): void
  /** Tokens whose time is over end now. */
  endTokens(): void
}

export class ServerAccess {
  readonly guard: Guard
  readonly revokeNow: boolean
  readonly #file: AccessFile | null
  readonly #tokens: IssuedTokens | null
  readonly #warning: string | null
  #timer: NodeJS.Timeout | undefined

  private constructor(
    guard: Guard,
    file: AccessFile | null,
    tokens: IssuedTokens | null,
    { revokeNow }: CheckedAccess,
    warning: string | null,
  ) {
    this.guard = guard
    this.revokeNow = revokeNow
    this.#file = file
    this.#tokens = tokens
    this.#warning = warning
  }

  /** Rejects with one clear line if these settings won't do for a server that listens there. */
  static async open(checked: CheckedAccess & Reached): Promise<ServerAccess> {
    const { secret, serverSecrets, access, host, adminListen, tls } = checked
    const isFar = !(isLoopback(host) && isLoopback(adminListen?.host ?? host))
    const certificates = (tls?.clientCaFile ?? null) !== null
    if (access !== null && secret === null && serverSecrets.length === 0 && !certificates)
      throw new TypeError(
        'access needs serverSecret too, or tls.clientCaFile: by one of them servers know one another (--server-secret, --tls-client-ca)',
      )
    if (isFar) checkLengths(checked)
    const file = access === null ? null : await AccessFile.open(access)
    const tokens = file === null ? null : await IssuedTokens.open(file.table, dirname(access ?? ''))
    const bytesMin = isFar ? proofBytesMin : 0
    const settings = { secret, serverSecrets, table: file?.table ?? null, bytesMin, certificates }
    return new ServerAccess(
      new Guard(settings, tokens),
      file,
      tokens,
      checked,
      isFar ? warningOf(checked) : null,
    )
  }

  /** How often the file was spoilt when it was read. */
  get spoilt(): number {
    return this.#file?.spoilt ?? 0
  }

  /** What is wrong with the file as it is now: rules from before are in force. Null: nothing is. */
  get problem(): string | null {
    return this.#file?.problem ?? null
  }

  /** The issuers of signed tokens, and what is wrong with their keys. */
  get keys(): readonly IssuerKeys[] {
    return this.#tokens?.keys ?? []
  }

  /** `everyMs`: how often tokens are ended whose time is over. */
  start(log: Logger, owner: ServerAccessOwner, everyMs: number): void {
    if (this.#warning !== null) log.warn({}, this.#warning)
    this.#file?.start({
      changed: table => {
        this.#changed(table)
        log.info({ principals: table.principals.size }, 'the access file was read again')
        owner.changed()
      },
      spoilt: problem =>
        log.error({ problem }, 'the access file is spoilt; the rules from before stay in force'),
    })
    this.#tokens?.start({
      changed: () => {
        log.info({}, 'the keys of an issuer were read again')
        owner.changed()
      },
      spoilt: (issuer, problem) =>
        log.error({ issuer, problem }, 'the keys of an issuer are spoilt; those from before stay in force'),
    })
    if (this.#tokens !== null) this.#timer = setInterval(() => owner.endTokens(), everyMs).unref()
  }

  /** Reads the file at once. */
  async reload(): Promise<void> {
    await this.#file?.reload()
    await this.#tokens?.reload()
  }

  close(): void {
    this.#file?.close()
    this.#tokens?.close()
    clearInterval(this.#timer)
  }

  #changed(table: AccessTable): void {
    this.guard.change(table)
    void this.#tokens?.change(table)
  }
}

function checkLengths({ secret, serverSecrets }: CheckedAccess): void {
  const name = (what: string) =>
    `refusing to listen beyond loopback with ${what} of fewer than ${proofBytesMin} bytes`
  const advice = 'take a longer one, such as one that holdfast token makes'
  if (secret !== null && isShort(secret))
    throw new Error(`${name('a --secret (HOLDFAST_SECRET)')}; ${advice}`)
  if (serverSecrets.some(isShort))
    throw new Error(`${name('a --server-secret (HOLDFAST_SERVER_SECRET)')}; ${advice}`)
}

function isShort(secret: string): boolean {
  return Buffer.byteLength(secret) < proofBytesMin
}

/** A6: what to write instead. */
function warningOf({ secret, serverSecrets, access, insecure }: CheckedAccess): string | null {
  const instead =
    'write --server-secret for the servers, and --access FILE with a token for each program (holdfast token)'
  if (secret !== null)
    return `whoever has the secret of --secret may do all: pose as a server, reset the cluster, take any lock; ${instead}`
  if (serverSecrets.length > 0 && access === null)
    return 'there is a --server-secret and no --access FILE: no client can connect; write --access FILE with a token for each program'
  return serverSecrets.length === 0 && insecure
    ? `whoever reaches this port may do all (--insecure): pose as a server, reset the cluster, take any lock; ${instead}`
    : null
}

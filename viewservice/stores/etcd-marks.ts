// The active mark in etcd (E3): a key under a lease, which etcd ends when it is not confirmed. A mark is replaced
// and removed only while it is what was read, so that nobody touches one that was set meanwhile.

import { coded, unchanged, versionOf } from './etcd-version.ts'
import type { Gateway } from './gateway.ts'
import { type Json, listIn, member, textIn } from './json.ts'
import { type ActiveMark, type ActiveMarks, type MarkOwner, StoreError } from './store.ts'

/** In seconds. Etcd's shortest lease is about this long; it says itself how long it is. */
const leaseSeconds = 2

export class EtcdMarks implements ActiveMarks {
  readonly silenceCounts = false
  readonly #gateway: Gateway
  readonly #key: string
  /** The lease of the own mark. */
  #lease: string | null = null

  constructor(gateway: Gateway, key: string) {
    this.#gateway = gateway
    this.#key = coded(key)
  }

  async read(): Promise<ActiveMark | null> {
    const answer = await this.#gateway.read('/v3/kv/range', { key: this.#key })
    const [found] = readable(() => listIn(answer, 'kvs'))
    return found === undefined ? null : readable(() => markIn(found))
  }

  async take(owner: MarkOwner, instead: ActiveMark | null): Promise<ActiveMark> {
    const granted = await this.#gateway.write('/v3/lease/grant', { TTL: `${leaseSeconds}`, ID: '0' })
    const [lease, seconds] = readable(() => [textIn(granted, 'ID'), Number(textIn(granted, 'TTL'))] as const)
    const lifetimeMs = seconds * 1_000
    const text = JSON.stringify({ id: owner.id, address: owner.address, lifetimeMs })
    const put = { key: this.#key, value: coded(text), lease }
    const answer = await this.#gateway.write('/v3/kv/txn', {
      compare: unchanged(this.#key, instead?.version ?? null),
      success: [{ request_put: put }],
    })
    if (!succeeded(answer)) {
      await this.#revoke(lease)
      throw new StoreError('taken', 'another view server has set its active mark')
    }
    this.#lease = lease
    const revision = readable(() => textIn(member(answer, 'header'), 'revision'))
    return { ...owner, number: Number(revision), lifetimeMs, version: versionOf(revision, text) }
  }

  async confirm(mark: ActiveMark): Promise<void> {
    const [kept, found] = await Promise.all([
      this.#gateway.read('/v3/lease/keepalive', { ID: this.#lease ?? '0' }),
      this.read(),
    ])
    // A lease that has ended has no time left.
    const ttl = member(member(kept, 'result'), 'TTL')
    if (ttl === undefined || ttl === '0' || found?.version !== mark.version)
      throw new StoreError('taken', 'the active mark does not stand any more')
  }

  async giveUp(mark: ActiveMark): Promise<void> {
    // Of this mark: another may be taken before etcd has answered.
    const lease = this.#lease
    const remove = { request_delete_range: { key: this.#key } }
    const compare = unchanged(this.#key, mark.version)
    await this.#gateway.write('/v3/kv/txn', { compare, success: [remove] })
    if (lease !== null) await this.#revoke(lease)
  }

  /** Otherwise it ends by itself. */
  async #revoke(lease: string): Promise<void> {
    await this.#gateway.write('/v3/lease/revoke', { ID: lease }).catch(() => {})
  }
}

function markIn(found: Json): ActiveMark {
  const revision = textIn(found, 'mod_revision')
  const text = Buffer.from(textIn(found, 'value'), 'base64').toString()
  const value: Json = JSON.parse(text)
  const lifetimeMs = member(value, 'lifetimeMs')
  return {
    number: Number(revision),
    id: textIn(value, 'id'),
    address: textIn(value, 'address'),
    lifetimeMs: typeof lifetimeMs === 'number' ? lifetimeMs : leaseSeconds * 1_000,
    version: versionOf(revision, text),
  }
}

/** An answer that says neither yes nor no shows nothing: etcd leaves out what is false. */
export function succeeded(answer: Json): boolean {
  if (member(answer, 'succeeded') === true) return true
  if (member(member(answer, 'header'), 'revision') !== undefined) return false
  throw new StoreError('unknown', 'etcd answered in another form than it should')
}

/** What can't be read may have been done. */
export function readable<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new StoreError('unknown', `etcd answered in another form than it should: ${why}`, { cause })
  }
}

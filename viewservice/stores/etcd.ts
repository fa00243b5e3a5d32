// The view record in etcd (E1): one key, which is compared and set in one transaction. It compares the
// revision and the whole value: an etcd that was put back from a backup counts its revisions anew. Reads
// are linearizable. What a request that took too long has done is *unknown*, and nothing is guessed.

import { setTimeout as pause } from 'node:timers/promises'
import type { StoredRecord } from '../record.ts'
import { EtcdMarks, readable, succeeded } from './etcd-marks.ts'
import { coded, unchanged, versionOf } from './etcd-version.ts'
import { Gateway, type GatewayOptions } from './gateway.ts'
import { type Json, listIn, member, textIn } from './json.ts'
import { type Stored, StoreError, type ViewStore } from './store.ts'
import { decodeRecord, encodeRecord } from './text.ts'

/** How long until a watch that has ended is begun again. */
const rewatchMs = 500

export interface EtcdOptions extends GatewayOptions {
  /** All keys begin with it. */
  readonly prefix: string
}

export class EtcdStore implements ViewStore {
  readonly reserve = null
  readonly marks: EtcdMarks
  readonly #gateway: Gateway
  readonly #prefix: string
  readonly #key: string
  #isClosed = false

  constructor(options: EtcdOptions) {
    this.#gateway = new Gateway(options)
    this.#prefix = options.prefix
    this.marks = new EtcdMarks(this.#gateway, `${options.prefix}/active`)
    this.#key = coded(`${options.prefix}/record`)
  }

  async load(): Promise<Stored | null> {
    const answer = await this.#gateway.read('/v3/kv/range', { key: this.#key })
    const [found] = readable(() => listIn(answer, 'kvs'))
    return found === undefined ? null : this.#read(found)
  }

  async save(record: StoredRecord, expected: Stored | null): Promise<Stored> {
    const text = encodeRecord(record)
    const put = { key: this.#key, value: coded(text) }
    const body = { compare: unchanged(this.#key, expected?.version ?? null), success: [{ request_put: put }] }
    const answer = await this.#gateway.write('/v3/kv/txn', body)
    if (!succeeded(answer)) throw new StoreError('taken', `${this.#place} holds another record`)
    const revision = readable(() => textIn(member(answer, 'header'), 'revision'))
    return { record, version: versionOf(revision, text) }
  }

  watch(changed: () => void): void {
    void this.#watch(changed)
  }

  close(): void {
    this.#isClosed = true
    this.#gateway.close()
  }

  get #place(): string {
    return `etcd, at ${this.#prefix}/record,`
  }

  #read(found: Json): Stored {
    const text = Buffer.from(
      readable(() => textIn(found, 'value')),
      'base64',
    ).toString()
    const revision = readable(() => textIn(found, 'mod_revision'))
    try {
      return { record: decodeRecord(text), version: versionOf(revision, text) }
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`the view record that ${this.#place} holds can't be used: ${why}`, { cause })
    }
  }

  /** A change may be missed between two watches, so each beginning counts as one. */
  async #watch(changed: () => void): Promise<void> {
    const [key, range_end] = [coded(`${this.#prefix}/`), coded(`${this.#prefix}0`)]
    while (!this.#isClosed) {
      await this.#gateway.follow('/v3/watch', { create_request: { key, range_end } }, () => {
        if (!this.#isClosed) changed()
      })
      await pause(rewatchMs, undefined, { ref: false })
    }
  }
}

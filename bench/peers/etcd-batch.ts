// The target: locks in etcd as in etcd.ts, but written as a group commit: what is asked while a transaction is under way
// travels in the next one, each call as a transaction inside of it. One write to the log is then for all of them.

import { setTimeout as pause } from 'node:timers/promises'
import { Etcd3, type ITxnRequest, type ITxnResponse, type Lease } from 'etcd3'
import type { Target } from '../target.ts'

const ttlSeconds = 10
const againMs = 1
/** etcd takes 128 operations in one transaction, unless it is started with another limit; the outer one counts. */
const batchMax = 127

interface Held {
  readonly key: string
  readonly revision: string
}

interface Asked {
  readonly key: string
  readonly request: ITxnRequest
  readonly settle: (response: ITxnResponse) => void
  readonly fail: (error: Error) => void
}

class EtcdBatches implements Target<Held> {
  readonly #etcd: Etcd3
  readonly #lease: Lease
  readonly #leaseId: string
  #next: Asked[] = []
  #sending = false

  static async connect(address: string): Promise<EtcdBatches> {
    const etcd = new Etcd3({ hosts: address.split(',') })
    const lease = etcd.lease(ttlSeconds)
    return new EtcdBatches(etcd, lease, await lease.grant())
  }

  private constructor(etcd: Etcd3, lease: Lease, leaseId: string) {
    this.#etcd = etcd
    this.#lease = lease
    this.#leaseId = leaseId
  }

  async acquire(key: string): Promise<Held> {
    const put = { key: Buffer.from(key), value: Buffer.from('held'), lease: this.#leaseId }
    for (;;) {
      const { succeeded, header } = await this.#ask(key, '0', { request_put: put })
      if (succeeded) return { key, revision: header.revision }
      await pause(againMs)
    }
  }

  async release({ key, revision }: Held): Promise<void> {
    const remove = { request_delete_range: { key: Buffer.from(key) } }
    const { succeeded } = await this.#ask(key, revision, remove)
    if (!succeeded) throw new Error(`${key} was not held any more`)
  }

  async close(): Promise<void> {
    await this.#lease.revoke()
    this.#etcd.close()
  }

  /** Does it if the key was created by this revision; 0: if it is not there. */
  #ask(
    key: string,
    revision: string,
    deed: NonNullable<ITxnRequest['success']>[number],
  ): Promise<ITxnResponse> {
    const compare = {
      key: Buffer.from(key),
      target: 'Create' as const,
      result: 'Equal' as const,
      create_revision: revision,
    }
    if (!this.#sending) {
      this.#sending = true
      setImmediate(() => void this.#sendAll())
    }
    const request = { compare: [compare], success: [deed], failure: [] }
    return new Promise((settle, fail) => this.#next.push({ key, request, settle, fail }))
  }

  async #sendAll(): Promise<void> {
    while (this.#next.length > 0) {
      const batch = this.#takeBatch()
      await this.#send(batch).catch(error => {
        for (const { fail } of batch) fail(error)
      })
    }
    this.#sending = false
  }

  /** A transaction may change a key once only. */
  #takeBatch(): Asked[] {
    const keys = new Set<string>()
    const [batch, later]: [Asked[], Asked[]] = [[], []]
    for (const asked of this.#next) {
      const fits = batch.length < batchMax && !keys.has(asked.key)
      keys.add(asked.key)
      ;(fits ? batch : later).push(asked)
    }
    this.#next = later
    return batch
  }

  async #send(batch: readonly Asked[]): Promise<void> {
    const success = batch.map(({ request }) => ({ request_txn: request }))
    const { header, responses } = await this.#etcd.kv.txn({ compare: [], success, failure: [] })
    for (const [i, { settle, fail }] of batch.entries()) {
      const response = responses[i]?.response_txn
      if (response === undefined) fail(new Error('no answer'))
      else settle({ ...response, header })
    }
  }
}

export const connect = (address: string): Promise<Target<Held>> => EtcdBatches.connect(address)

// The target: locks in etcd by raw transactions, through etcd3: create the key, bound to the client's
// lease, if it is not there; delete it if this client still owns it. There is no queue.

import { setTimeout as pause } from 'node:timers/promises'
import { Etcd3, type Lease } from 'etcd3'
import type { Target } from '../target.ts'

const ttlSeconds = 10
const againMs = 1

interface Held {
  readonly key: string
  readonly revision: string
}

class EtcdLocks implements Target<Held> {
  readonly #etcd: Etcd3
  readonly #lease: Lease
  readonly #leaseId: string

  static async connect(address: string): Promise<EtcdLocks> {
    const etcd = new Etcd3({ hosts: address.split(',') })
    const lease = etcd.lease(ttlSeconds)
    return new EtcdLocks(etcd, lease, await lease.grant())
  }

  private constructor(etcd: Etcd3, lease: Lease, leaseId: string) {
    this.#etcd = etcd
    this.#lease = lease
    this.#leaseId = leaseId
  }

  async acquire(key: string): Promise<Held> {
    for (;;) {
      const put = this.#etcd.put(key).value('held').lease(this.#leaseId)
      const { succeeded, header } = await this.#etcd.if(key, 'Create', '==', 0).then(put).commit()
      if (succeeded) return { key, revision: header.revision }
      await pause(againMs)
    }
  }

  async release({ key, revision }: Held): Promise<void> {
    const remove = this.#etcd.delete().key(key)
    const { succeeded } = await this.#etcd.if(key, 'Create', '==', Number(revision)).then(remove).commit()
    if (!succeeded) throw new Error(`${key} was not held any more`)
  }

  async close(): Promise<void> {
    await this.#lease.revoke()
    this.#etcd.close()
  }
}

export const connect = (address: string): Promise<Target<Held>> => EtcdLocks.connect(address)

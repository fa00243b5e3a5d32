// The target: a Holdfast cluster, through its public client.

import { connect as connectClient, type Lock } from '../client/index.ts'
import type { Target } from './target.ts'

export async function connect(address: string): Promise<Target<Lock>> {
  const client = await connectClient(address, { name: 'bench' })
  return {
    acquire: key => client.acquire(key),
    release: lock => lock.release(),
    close: () => client.close(),
  }
}

// The target: sets of names, one of each prefix, taken by `acquireAll` (G4). Address: URL#PREFIX,PREFIX…

import { connect as connectClient, type Lock } from '../../client/index.ts'
import type { Target } from '../target.ts'

export async function connect(address: string): Promise<Target<readonly Lock[]>> {
  const [url = '', prefixes = ''] = address.split('#')
  const client = await connectClient(url, { name: 'bench sets' })
  return {
    acquire: key => client.acquireAll(prefixes.split(',').map(prefix => `${prefix}${key}`)),
    release: locks => Promise.all(locks.map(lock => lock.release())),
    close: () => client.close(),
  }
}

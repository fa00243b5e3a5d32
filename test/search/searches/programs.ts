// The calls that the programs of the searches are made of.

import type { Op } from '../setting.ts'

export const acquire = (...names: string[]): Op => ({ do: 'acquire', names })
export const tryAcquire = (name: string): Op => ({ do: 'acquire', names: [name], manner: 'ifAvailable' })
export const steal = (name: string): Op => ({ do: 'acquire', names: [name], manner: 'steal' })
export const shared = (name: string): Op => ({ do: 'acquire', names: [name], mode: 'shared' })
export const trySharing: Op = { do: 'acquire', names: ['a'], mode: 'shared', manner: 'ifAvailable' }
export const release = (of: number): Op => ({ do: 'release', of })
export const query: Op = { do: 'query' }
export const end: Op = { do: 'end' }
/** Made at any moment, not just when the call before is answered. */
export const anytime = (op: Op): Op => ({ ...op, anytime: true })

// The entry `holdfast/fencing`, for programs that guard a resource and hold no locks themselves: no socket, no client.

export { type Fence, FenceGuard, type FenceGuardOptions, StaleTokenError } from './fence-guard.ts'
export { formatToken, parseToken, tokenHeader } from './token-header.ts'

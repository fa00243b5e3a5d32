// What the ops of a client's program name, and which of them take a lock by force; how the checks refer to a
// call. It judges nothing.

import type { Op } from '../setting.ts'

export function namesOf(op: Op): readonly string[] {
  if (op.do === 'force-release') return [op.name]
  return op.do === 'acquire' ? op.names : []
}

export function isForce(op: Op): boolean {
  return op.do === 'force-release' || (op.do === 'acquire' && op.manner === 'steal')
}

export function overlap(some: readonly string[], others: readonly string[]): boolean {
  return some.some(name => others.includes(name))
}

export function keyOf({ slot, op }: { slot: number; op: number }): string {
  return `${slot}.${op}`
}

/** C8: the only token that this steal may take the lock from; null: it takes it from any. */
export function victimOf(op: Op): number | null {
  return op.do === 'acquire' ? (op.terms?.victim ?? null) : null
}

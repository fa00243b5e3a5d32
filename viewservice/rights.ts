// What clients of a view server may ask (A2): who looks at the cluster, and who operates it. An active view server and a
// standby decide alike, before anything is asked of another one. It keeps nothing.

import { allows, looks, type Principal } from '../wire/access/principal.ts'
import type { MessageOf } from '../wire/messages.ts'
import type { SaidOn } from '../wire/runs.ts'
import type { ViewHears } from './record.ts'

/** A client, or a standby view server, which has asked the same of its own client. */
export interface Peer {
  /** Null: no rules apply to it. */
  readonly principal: Principal | null
  readonly remote: string
}

/** A client's question; a standby passes it on. */
export type Question = MessageOf<'clientToView', 'status' | 'reset' | 'gone' | 'durability' | 'groups'>

/** What it is answered if it may not ask this; null: it may. */
export function refusalOf({ principal }: Peer, question: Question): MessageOf<'viewToClient'> | null {
  const number = question[1]
  const who = `the principal ${principal?.name}`
  if (question[0] === 'status')
    return looks(principal)
      ? null
      : ['status-refused', number, 'NOT_ALLOWED', `${who} may not read any lock, operate or see metrics`]
  if (allows(principal, 'operate', null)) return null
  return [refusals[question[0]], number, `NOT_ALLOWED: ${who} may not operate`]
}

/** How each of an operator's wishes is refused. */
export const refusals = {
  reset: 'reset-refused',
  gone: 'gone-refused',
  durability: 'durability-refused',
  groups: 'groups-refused',
} as const

/** What needs a right. A client's status: the active one's own answer to a standby has the same name. */
export function isQuestion(message: SaidOn<ViewHears>): message is Question {
  return Object.hasOwn(refusals, message[0]) || (message[0] === 'status' && message.length === 2)
}

/** A7: one line for an operator's act, and for a refusal. */
export function auditOf({ principal, remote }: Peer, question: Question, allowed: boolean) {
  if (allowed && question[0] === 'status') return null
  const verb = question[0] === 'status' ? 'read' : 'operate'
  const fields = { principal: principal?.name ?? null, address: remote, verb, act: question[0] }
  return allowed
    ? ({ level: 'info', text: 'done by an operator', fields } as const)
    : ({ level: 'warn', text: 'not allowed', fields } as const)
}

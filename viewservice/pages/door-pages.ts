// The pages by which a browser logs in to the dashboard, sees as whom it is there, and logs out (A9). They say what a principal
// may do and read by its own rules, and nothing of what there is beside that (A2).

import { allows, type Principal, readable } from '../../wire/access/principal.ts'
import type { Guard } from '../../wire/net/guard.ts'
import type { Door } from '../../wire/serving/door.ts'
import type { Caller, Page, Route } from '../../wire/serving/http.ts'

/** As whom a browser looks at the dashboard. */
export interface Standing {
  /** There is nothing to log in with: whoever reaches the page may do all. */
  readonly isOpen: boolean
  /** Null: it has shown the one secret of the cluster, and may do all. */
  readonly principal: string | null
  /** It may do what concerns the cluster as a whole, such as ending a server. */
  readonly operates: boolean
  /** It may read locks whose names begin with one of these; null: all of them. */
  readonly reads: readonly string[] | null
  /** It may end holds of locks whose names begin with one of these; null: of all. */
  readonly forces: readonly string[] | null
}

export function doorPages(door: Door, guard: Guard): Record<string, Route> {
  return {
    '/session': {
      guarded: true,
      asks: true,
      read: (_, { principal }) => ({ status: 200, body: standingOf(principal, guard.isOpen) }),
    },
    '/log-in': {
      guarded: true,
      changes: 'by page',
      noted: true,
      read: (_, caller) => logIn(door, guard.isOpen, caller),
    },
    '/log-out': {
      guarded: true,
      changes: 'by page',
      read: (_, { cookies }) => ({
        status: 200,
        headers: { 'set-cookie': door.end(cookies) },
        body: { loggedOut: true },
      }),
    },
  }
}

export function standingOf(principal: Principal | null, isOpen: boolean): Standing {
  return {
    isOpen,
    principal: principal?.name ?? null,
    operates: allows(principal, 'operate', null),
    reads: readable(principal, ''),
    forces: principal === null || allows(principal, 'force', '') ? null : principal.locks.force,
  }
}

/** A log-in by the cookie of another one would last for ever. */
function logIn(door: Door, isOpen: boolean, caller: Caller): Page {
  const { principal, proven, authorization, byCookie, cookies, isSecure } = caller
  const body = standingOf(principal, isOpen)
  if (isOpen) return { status: 200, body }
  if (proven === null || authorization === undefined || byCookie)
    return { status: 400, body: { error: 'show the secret or token itself to log in' } }
  door.end(cookies)
  return { status: 200, headers: { 'set-cookie': door.begin(proven, authorization, isSecure) }, body }
}

// A run as one operation. It does exactly what its messages would do one after the other, counted, numbered and
// digested alike (R4), so that copies may apply either; but what nothing has to be decided about makes no object of
// its own. All else goes the way of single messages.

import type { MessageOf } from '../../wire/messages.ts'
import { acquirePasses } from './owners.ts'
import type { Grants } from './replies.ts'
import type { Session } from './sessions.ts'
import type { State } from './state.ts'
import { plainAcquireBytes } from './tally.ts'

/** Neighbours that were granted at once. */
interface Granted extends Grants {
  count: number
}

/** Never added to. */
const noLosses: readonly never[] = []

export function acquireRun(state: State, run: MessageOf<'entryRuns', 'acquire-run'>): void {
  const [, ordinal, first, names, mode, manner] = run
  const session = state.begins(ordinal, first)
  let granted: Granted | null = null
  for (let i = 0; i < names.length; i++) {
    const [name, request] = [names[i] as string, first + i]
    const free = mode === 'exclusive' && state.slots.serves(name) && hasRoom(state, session, name)
    const token = free ? state.table.takeFree(name, session, state.wallMs) : 0
    if (token > 0) {
      granted ??= { first: request, firstToken: token, count: 0 }
      grant(state, session, request, granted)
      continue
    }
    tell(state, session, granted)
    granted = null
    state.applySingle(['acquire', ordinal, request, [name], mode, manner, null])
  }
  tell(state, session, granted)
}

/** As `State.#refusal` of a plain acquire. */
function hasRoom({ limits, bytes }: State, session: Session, name: string): boolean {
  if (session.unanswered >= limits.unansweredMax || session.locks >= limits.locksPerSessionMax) return false
  const more = plainAcquireBytes(name)
  if (bytes + more > limits.stateBytesMax) return false
  return session.owner === null || acquirePasses(session.owner, limits, 1, more, bytes) === undefined
}

function grant(state: State, session: Session, request: number, granted: Granted): void {
  state.beginNext(session)
  state.fold((granted.firstToken + granted.count++) % 4294967296)
  session.replies.keepGranted(request, granted)
  state.foldReply(session, 'granted', request, 0)
}

function tell({ facts }: State, session: Session, granted: Granted | null): void {
  if (granted === null) return
  const { first, firstToken, count } = granted
  const message =
    count === 1
      ? (['granted', first, [firstToken], noLosses] as const)
      : (['granted-run', first, count, firstToken] as const)
  facts.add({ is: 'granted', session, message, waitedMs: 0, handed: false })
}

export function releaseRun(state: State, run: MessageOf<'entryRuns', 'release-run'>): void {
  const [, ordinal, first, tokens] = run
  const session = state.begins(ordinal, first)
  const { table, wallMs } = state
  let request = first
  let heldMs: number[] = []
  for (let i = 0; i < tokens.length; i += 2) {
    const end = (tokens[i] as number) + (tokens[i + 1] as number)
    for (let token = tokens[i] as number; token < end; token++, request++) {
      const hold = session.holds.get(token)
      if (hold !== undefined && table.endsPlainly(hold)) {
        heldMs.push(wallMs - hold.since)
        table.free(hold)
        release(state, session, request)
        continue
      }
      tellReleased(state, session, request, heldMs)
      heldMs = []
      state.applySingle(['release', ordinal, request, token])
    }
  }
  tellReleased(state, session, request, heldMs)
}

function release(state: State, session: Session, request: number): void {
  state.beginNext(session)
  session.replies.keepReleased(request)
  state.foldReply(session, 'released', request, 1)
}

/** `next`: the request behind them. */
function tellReleased({ facts }: State, session: Session, next: number, heldMs: readonly number[]): void {
  const count = heldMs.length
  if (count === 0) return
  facts.add({ is: 'freed run', heldMs })
  facts.add({ is: 'output', session, message: ['released-run', next - count, count] })
}

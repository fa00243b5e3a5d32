// What clients and lock servers say to each other.

import {
  clientNameLengthMax,
  lockNameBytesMax,
  namesPerAcquireMax,
  proofLengthMax,
  runMax,
  ttlMsMax,
} from '../limits.ts'
import { count, flag, list, message, nullable, oneOf, record, type ShapeType, text } from '../shape.ts'
import { group, imprint, slotMap, view } from './cluster.ts'
import { error, mapMessage, viewMessage, welcome } from './hello.ts'
import { blocker, clientRecord, holdRecord, lockEvent, waitRecord } from './listed.ts'
import {
  address,
  claim,
  clientName,
  code,
  explanation,
  id,
  lockName,
  losses,
  lossReason,
  milliseconds,
  note,
  number,
  onceKey,
  plainClaim,
  positive,
  program,
  publicId,
  ranges,
  role,
  sessionKey,
  token,
  tokenPairs,
} from './words.ts'

/** What a lock server knows of its cluster, for a view record that was lost (E7). */
const testimony = record({
  cluster: nullable(id),
  id,
  address,
  role,
  /** The group that it has, or had last, a part in. */
  group,
  /** The newest view of it that it knows. */
  view: nullable(view),
  /** As primary: the view is in force. As backup: it was told so. */
  acked: flag,
  /** As primary: it has latched, so that its backup may have been promoted since. */
  latched: flag,
  /** It recovers a state, and is nobody's primary yet (D5). */
  recovering: flag,
  token: count(0),
  longestTtlMs: milliseconds,
  imprint: nullable(imprint),
  /** The newest that it knows. */
  map: nullable(slotMap),
  /** G8: the largest number of a map that its state has acted by; 0: none. */
  actedBy: count(0),
  /** The active view server that it is connected to; null: none. */
  viewServer: nullable(address),
})
export type Testimony = ShapeType<typeof testimony>

export const clientToServer = {
  open: message(
    'open',
    ['id', id],
    ['key', sessionKey],
    ['count', positive],
    ['ttlMs', count(10_000, 1, ttlMsMax)],
    ['name', clientName],
    ...program,
  ),
  resume: message(
    'resume',
    ['id', id],
    ['key', sessionKey],
    ['count', positive],
    ['next', positive],
    ['unanswered', ranges],
  ),
  abandon: message('abandon', ['id', id], ['key', sessionKey]),
  renew: message('renew', ['number', number]),
  acquire: message(
    'acquire',
    ['request', positive],
    ['names', list(lockName, { min: 1, max: namesPerAcquireMax, unique: true })],
    ...claim,
  ),
  cancel: message('cancel', ['request', positive], ['target', positive]),
  release: message('release', ['request', positive], ['token', token]),
  /** As release; what ran under a key has failed, so that the key may run again (C5). */
  fail: message('fail', ['request', positive], ['token', token]),
  'set-note': message('set-note', ['request', positive], ['token', token], ['note', nullable(note)]),
  /** With a token: only this hold (C8). */
  'force-release': message(
    'force-release',
    ['request', positive],
    ['name', lockName],
    ['token', nullable(token)],
  ),
  /** A key that has run, and does not run now, may run again (C5). */
  'forget-key': message('forget-key', ['request', positive], ['name', lockName], ['key', onceKey]),
  end: message('end', ['request', positive]),
  acknowledge: message('acknowledge', ['ranges', ranges], ['tokens', list(token)]),
  query: message(
    'query',
    ['number', number],
    ['prefix', text('orders/', lockNameBytesMax)],
    ['confirmed', flag],
  ),
  /** G7: answered by any server with a copy, and never confirmed. */
  look: message('look', ['number', number], ['prefix', text('orders/', lockNameBytesMax)]),
  /** `who`: a client's name, or its public id or how that begins; empty: all. `after`: 0, or the `next` of the page before. */
  clients: message(
    'clients',
    ['number', number],
    ['who', text('billing-3', clientNameLengthMax)],
    ['confirmed', flag],
    ['after', number],
  ),
  watch: message('watch', ['number', number], ['prefix', text('orders/', lockNameBytesMax)]),
  /** How many events of this watch were seen, from its beginning. */
  seen: message('seen', ['number', number], ['events', number]),
  unwatch: message('unwatch', ['number', number]),
  testify: message('testify', ['number', number]),
  /** Alone in its frame: a newer token of the same principal, for this connection (A3). */
  token: message('token', ['proof', text('a.signed.token', proofLengthMax)]),
  echo: message('echo', ['number', number]),
}

/** Single acquires, and releases, whose request numbers follow one another: each begins with the first number. */
export const requestRuns = {
  'acquire-run': message(
    'acquire-run',
    ['first', positive],
    ['names', list(lockName, { min: 1, max: runMax })],
    ...plainClaim,
  ),
  'release-run': message('release-run', ['first', positive], ['tokens', tokenPairs]),
}

/** C5: who runs this key, or ran it last. Times are ms since 1970 by the primary's clock, for display only. */
export const doneRecord = record({
  token,
  clientId: publicId,
  clientName,
  grantedAt: count(1_700_000_000_000),
  /** Null while it runs. */
  endedAt: nullable(count(1_700_000_000_000)),
})
export type DoneRecord = ShapeType<typeof doneRecord>

export const reply = {
  granted: message(
    'granted',
    ['request', positive],
    ['tokens', list(token, { min: 1, max: namesPerAcquireMax })],
    ['losses', losses],
  ),
  unavailable: message('unavailable', ['request', positive]),
  'done-before': message('done-before', ['request', positive], ['record', doneRecord]),
  /** C8: nothing was done; another token holds, or none. */
  'not-this': message('not-this', ['request', positive], ['holder', nullable(token)]),
  cancelled: message('cancelled', ['request', positive]),
  'cancel-done': message(
    'cancel-done',
    ['request', positive],
    ['outcome', oneOf('cancelled', 'released', 'nothing')],
    ['blocker', nullable(blocker)],
  ),
  released: message('released', ['request', positive], ['held', flag]),
  noted: message('noted', ['request', positive], ['held', flag]),
  /** C8: for a token that does not hold, no holders, and the token that does. */
  'force-released': message(
    'force-released',
    ['request', positive],
    ['holders', count(1)],
    ['holder', nullable(token)],
  ),
  /** C5: whether it is forgotten; who has run it, or runs it; null: there is no such key. */
  'key-forgotten': message(
    'key-forgotten',
    ['request', positive],
    ['forgotten', flag],
    ['record', nullable(doneRecord)],
  ),
  refused: message('refused', ['request', positive], ['code', code], ['explanation', explanation]),
}

export const serverToClient = {
  welcome,
  error,
  view: viewMessage,
  map: mapMessage,
  opened: message(
    'opened',
    ['id', id],
    ['count', positive],
    ['ttlMs', count(10_000, 1, ttlMsMax)],
    ['clientId', publicId],
  ),
  resumed: message('resumed', ['id', id], ['count', positive]),
  'unknown-session': message('unknown-session', ['id', id]),
  'open-refused': message('open-refused', ['id', id], ['code', code], ['explanation', explanation]),
  renewed: message('renewed', ['number', number]),
  ...reply,
  ended: message('ended', ['request', positive]),
  lost: message('lost', ['token', token], ['reason', lossReason]),
  locks: message(
    'locks',
    ['number', number],
    ['part', record({ more: flag, cut: flag, confirmed: flag })],
    ['held', list(holdRecord)],
    ['pending', list(waitRecord)],
  ),
  /** G7. `asOfMs`: how old it may be; `onDisk`: whether all of it is on this server's disk; null in a cluster in memory. */
  looked: message(
    'looked',
    ['number', number],
    ['part', record({ more: flag, cut: flag, asOfMs: milliseconds, onDisk: nullable(flag) })],
    ['held', list(holdRecord)],
    ['pending', list(waitRecord)],
  ),
  /** `next`: where the next page begins; null when this is the last one. */
  clients: message(
    'clients',
    ['number', number],
    ['part', record({ next: nullable(count(3, 1)), confirmed: flag })],
    ['clients', list(clientRecord)],
  ),
  'query-refused': message('query-refused', ['number', number], ['code', code], ['explanation', explanation]),
  watching: message('watching', ['number', number]),
  'watch-refused': message('watch-refused', ['number', number], ['code', code], ['explanation', explanation]),
  event: message('event', ['number', number], ['record', lockEvent]),
  /** This many events of this watch were left out: too many were not yet seen. */
  missed: message('missed', ['number', number], ['events', positive]),
  /** For how much longer the token of this connection is good (A3); null: it has no end by itself. */
  'token-lasts': message('token-lasts', ['ms', nullable(milliseconds)]),
  testimony: message('testimony', ['number', number], ['testimony', testimony]),
  echoed: message('echoed', ['number', number]),
}

/**
 * Grants of one lock each that is not lost, whose tokens follow one another, too; and releases of what was held: first
 * number, and how many.
 */
export const replyRuns = {
  'granted-run': message(
    'granted-run',
    ['first', positive],
    ['count', count(3, 1, runMax)],
    ['firstToken', token],
  ),
  'released-run': message('released-run', ['first', positive], ['count', count(3, 1, runMax)]),
}
export type Reply = ShapeType<(typeof reply)[keyof typeof reply]>

// Hello and welcome, the first message each way on every connection, and what any server may say.

import { proofLengthMax } from '../limits.ts'
import { anyOf, count, flag, list, message, nullable, oneOf, record, type ShapeType, text } from '../shape.ts'
import { groupsMax } from '../slots.ts'
import { wireVersion } from '../version.ts'
import { group, imprint, slotMap, view } from './cluster.ts'
import { address, clientName, code, explanation, id, milliseconds, role, version } from './words.ts'

const helloFrom = anyOf(
  record({ kind: oneOf('client'), name: clientName }),
  record({
    kind: oneOf('lockserver'),
    id,
    address,
    role,
    /** The group that it has, or had last, a part in, and the newest view of it that it knows. */
    group,
    view: count(3),
    pid: count(4711, 1),
    host: text('host', 256),
    /** Of its package, for display only. */
    version,
    /** It has a journal, and in it this (D3). */
    journal: flag,
    imprint: nullable(imprint),
  }),
  record({ kind: oneOf('primary'), id, to: id, view }),
  /** Only wants to hear who is there. */
  record({ kind: oneOf('probe') }),
  /** A standby, which passes on the questions of operators (E5). All but the kind is for display only. */
  record({ kind: oneOf('viewserver'), id, address, pid: count(4711, 1), host: text('host', 256), version }),
)
export type HelloFrom = ShapeType<typeof helloFrom>

export const opening = {
  hello: message(
    'hello',
    ['wire', count(wireVersion)],
    ['cluster', nullable(id)],
    /** Of a server its secret, of a client its token, or the secret of a cluster without rules (A1). */
    ['proof', nullable(text('secret', proofLengthMax))],
    ['from', helloFrom],
  ),
}

export const welcome = message('welcome', [
  'record',
  record({
    wire: count(wireVersion),
    cluster: nullable(id),
    kind: oneOf('viewserver', 'lockserver'),
    /** Null from a view server that needs none. */
    id: nullable(id),
    role: nullable(role),
    /** To a lock server from a view server: of the group that its hello names. To a client: of a lock server's own group, else of group 0. */
    view: nullable(view),
    /** From a view server: that the view is acked is on the record (D5). */
    acked: flag,
    /** The newest views of all other groups that are known. */
    others: list(view, { max: groupsMax }),
    /** Null: none is known yet. */
    map: nullable(slotMap),
    pingLimitMs: milliseconds,
    /** To a primary: the view whose snapshot this backup holds whole (0: none), and the last batch that it has received in it. */
    whole: count(0),
    sequence: count(0),
    /** From a view server: the number of its active mark (E5); 0: it is a standby. */
    mark: count(0),
  }),
])
export const error = message('error', ['code', code], ['explanation', explanation])
export const viewMessage = message('view', ['view', view])
/** There is a newer map (G2). */
export const mapMessage = message('map', ['map', slotMap])

export type Hello = ShapeType<typeof opening.hello>
export type Welcome = ShapeType<typeof welcome>[1]

// Planted bugs between a primary and its backup: what is sent, applied, copied, compared, and when
// clients may see it.

import type { Edit, Mutant } from './mutant.ts'

const primary = 'lockserver/primary.ts'
const replicated = 'lockserver/replication.ts'
const stream = 'lockserver/stream.ts'
const holdback = 'lockserver/holdback.ts'
const join = 'lockserver/join.ts'
const backup = 'lockserver/backup.ts'
const snapshot = 'lockserver/state/snapshot.ts'
const serverCore = 'lockserver/core.ts'
const roles = 'lockserver/roles.ts'

/** What waits for no backup. */
export const shownNow: Edit = {
  file: 'lockserver/audience.ts',
  find: '#showNow(showing: Showing): void {',
  replace: `reaches(session: Session): boolean {
    return this.#clients.of(session) !== undefined
  }

  now(showing: Showing): void {
    this.#showNow(showing)
  }

  #showNow(showing: Showing): void {`,
}

export const replication: readonly Mutant[] = [
  // ---- what clients see, and when
  {
    name: 'answer before the backup',
    breaks: 'R1, R5',
    why: 'the primary dies after its answer and before the backup has received the operation',
    edits: [
      {
        file: replicated,
        find: 'if (!this.#holdback.holds) return false',
        replace: 'return false',
      },
    ],
  },
  {
    name: 'answer waits for the batch before',
    search: 'deposed',
    breaks: 'R1',
    why: 'the acknowledgement of an earlier batch shows an answer whose operation is still on its way',
    edits: [
      {
        file: holdback,
        find: 'this.#held.push({ sequence, showings: this.#showings })',
        replace: 'this.#held.push({ sequence: sequence - 1, showings: this.#showings })',
      },
    ],
  },
  {
    name: 'any acknowledgement shows everything',
    breaks: 'R1',
    why: 'an acknowledgement is not matched with what it acknowledges',
    edits: [
      {
        file: holdback,
        find: 'const { confirmed } = this',
        replace: 'const confirmed = this.confirmed === 0 ? 0 : Number.POSITIVE_INFINITY',
      },
    ],
  },
  {
    name: 'grant to another before the backup',
    breaks: 'R1',
    why: 'a waiter learns of its grant at once; the primary dies, and the lock is granted again',
    edits: [
      {
        file: 'lockserver/proposals.ts',
        find: "case 'granted': this.#audience.show(fact)",
        replace: `case 'granted': {
        const { session, message } = fact
        if (message[1] < session.nextRequest - 1 && this.#audience.reaches(session)) return this.#audience.now(fact)
      }
        this.#audience.show(fact)`,
      },
      shownNow,
    ],
  },
  {
    name: 'loss told before the backup',
    breaks: 'R1',
    why: 'a holder learns that its lock was stolen, the primary dies, and it was not',
    edits: [
      {
        file: 'lockserver/proposals.ts',
        find: "case 'output': return this.#audience.show(fact) case 'event'",
        replace: `case 'output': {
        if (fact.message[0] === 'lost' && this.#audience.reaches(fact.session)) return this.#audience.now(fact)
        return this.#audience.show(fact)
      }
      case 'event'`,
      },
      shownNow,
    ],
  },
  {
    name: 'query answered at once',
    search: 'stale read',
    breaks: 'R1',
    why: 'a deposed primary lists locks as they were before it was deposed',
    edits: [
      {
        file: 'lockserver/audience.ts',
        find: 'for (const part of parts) this.#audience.answer(client, part)',
        replace: "for (const part of parts) this.#audience.now({ is: 'answer', client, message: part })",
      },
      shownNow,
    ],
  },
  {
    name: 'query answered when nothing is in flight',
    search: 'stale read',
    breaks: 'R1',
    why: 'the backup has acknowledged all that the read saw, and is primary elsewhere by now',
    edits: [
      {
        file: 'lockserver/audience.ts',
        find: 'for (const part of parts) this.#audience.answer(client, part)',
        replace: `for (const part of parts)
      if (this.#audience.replication.lag === 0) this.#audience.now({ is: 'answer', client, message: part })
      else this.#audience.answer(client, part)`,
      },
      shownNow,
    ],
  },
  {
    name: 'renewal answered by a cut-off primary',
    search: 'stale renewal',
    breaks: 'R1, F6',
    why: 'a deposed primary confirms leases that the new one lets run out',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: "this.#audience.show({ is: 'answer', client, message: ['renewed', number] }, idle)",
        replace: "this.#out.send(client.connection, ['renewed', number])",
      },
    ],
  },
  {
    name: 'repeat answered from the table at once',
    breaks: 'R1',
    why: 'the operation of a re-sent request is still on its way to the backup; then it never happened',
    edits: [
      {
        file: 'lockserver/numbered.ts',
        find: 'if (stored !== undefined) this.#audience.answer(client, stored)',
        replace: "if (stored !== undefined) this.#audience.now({ is: 'answer', client, message: stored })",
      },
      shownNow,
    ],
  },
  {
    name: 'unknown session said at once',
    breaks: 'R1',
    why: 'a deposed primary makes a live client drop all its locks',
    edits: [
      {
        file: 'lockserver/audience.ts',
        find: "this.show({ is: 'last word', client, message: ['unknown-session', id] })",
        replace: "this.#out.send(client.connection, ['unknown-session', id])",
      },
    ],
  },
  {
    name: 'backup unreachable taken for gone',
    breaks: 'R1, F6, F7',
    why: 'a primary that is cut off from its backup answers alone, while the backup is promoted',
    edits: [
      {
        file: replicated,
        find: '#unsent = 0',
        replace: '#unsent = 0\n  shown: (showings: readonly Showing[]) => void = () => {}',
      },
      {
        file: replicated,
        find: 'disconnected(): void { this.#join.disconnected()',
        replace: `disconnected(): void {
    this.#join.disconnected()
    if (this.#join.latched) {
      const waiting = this.#holdback.all()
      this.#holdback = new Holdback()
      this.#join.unlatch()
      this.shown(waiting)
    }`,
      },
      {
        file: join,
        find: '/** V4: the backup is nearly level. */',
        replace: "unlatch() {\n    this.#phase = { is: 'installed', parkAbove: joinBacklogMax }\n  }\n",
      },
      {
        file: primary,
        find: 'this.replication = new Replication(out, situation, state, leases, disk?.disk, disk?.imprint, recent)',
        replace:
          'this.replication = new Replication(out, situation, state, leases, disk?.disk, disk?.imprint, recent)\n    this.replication.shown = showings => {\n      for (const showing of showings) this.#audience.now(showing)\n    }',
      },
      shownNow,
    ],
  },
  // ---- the latch, and acks
  {
    // Sent at the latch, but behind all that was decided until then, it would be harmless: what is sent
    // before arrives before, and a promoted backup applies all that it has received. So this bug breaks both.
    name: 'in sync at the latch',
    search: 'join in turns',
    breaks: 'V4',
    why: 'the latch counts what was sent, not what was decided: what was answered alone in this turn leaves later',
    edits: [
      {
        file: replicated,
        find: 'this.flush() this.#recent = null this.#join.latch(this.#stream.sequence)',
        replace: 'this.#recent = null\n      this.#join.latch(this.#stream.sequence)',
      },
      {
        file: join,
        find: 'if (this.#phase.told || this.#applied < this.#phase.at || onDisk < this.#phase.at) return',
        replace: 'if (this.#phase.told) return',
      },
    ],
  },
  {
    name: 'no latch',
    search: 'join',
    breaks: 'V4',
    why: 'the primary tells its backup that it is in sync, and goes on alone until the backup has confirmed',
    edits: [
      {
        file: replicated,
        find: 'if (!this.#holdback.holds) return false',
        replace: 'if (!this.#join.inSync && !this.#join.differs) return false',
      },
    ],
  },
  // ---- batches
  {
    name: 'op number gap accepted',
    breaks: 'R2',
    why: 'what was in flight on a cut connection is not sent again, and the backup goes on without it',
    edits: [
      {
        file: join,
        find: 'for (const batch of this.#backlog.after(received)) this.#send(link, batch)',
        replace: '',
      },
      {
        file: backup,
        find: "if (sequence !== this.#received + 1) return this.#gap('replicate', sequence)",
        replace: '',
      },
      { file: backup, find: 'if (next !== state.opNumber + 1)', replace: 'if (false)' },
    ],
  },
  {
    name: 'batch applied twice',
    breaks: 'R2',
    why: 'after a new connection between the two the backup applies again what it had applied',
    edits: [
      { file: backup, find: 'if (sequence <= this.#received) return', replace: '' },
      {
        file: backup,
        find: "if (sequence !== this.#received + 1) return this.#gap('replicate', sequence)",
        replace: '',
      },
      { file: backup, find: 'if (next !== state.opNumber + 1)', replace: 'if (false)' },
      {
        file: 'lockserver/backlog.ts',
        find: 'return this.#batches.filter(batch => batch.sequence > sequence)',
        replace: 'return [...this.#batches]',
      },
    ],
  },
  {
    name: 'operations forwarded out of order',
    breaks: 'R2',
    why: 'the newest operation of a turn is sent first: the backup applies them in another order',
    edits: [{ file: stream, find: 'this.#entries.push(entry)', replace: 'this.#entries.unshift(entry)' }],
  },
  // ---- the snapshot
  {
    name: 'stored replies not in the snapshot',
    breaks: 'S1, R3',
    why: 'a re-sent request whose answer was lost is unknown to the promoted backup',
    edits: [
      {
        file: snapshot,
        find: "records.push(['reply', ordinal, reply])",
        replace: 'void reply',
      },
    ],
  },
  {
    name: 'losses not in the snapshot',
    breaks: 'S5, R3',
    why: 'a victim that has not learned of a steal yet believes in its lock for good',
    edits: [
      {
        file: snapshot,
        find: "records.push(['loss', ordinal, token, reason])",
        replace: 'void [token, reason]',
      },
    ],
  },
  {
    name: "waiters' order not in the snapshot",
    breaks: 'L3, R3',
    why: 'the promoted backup serves its queues in another order',
    edits: [{ file: snapshot, find: 'of lock.queue) {', replace: 'of [...lock.queue].reverse()) {' }],
  },
  {
    name: 'waiters not in the snapshot',
    breaks: 'L3, R3',
    why: 'the promoted backup forgets the waiters, and never serves them',
    edits: [{ file: snapshot, find: 'of lock.queue) {', replace: 'of [] as typeof lock.queue) {' }],
  },
  {
    name: 'token counter not in the snapshot',
    breaks: 'L2, R3',
    why: 'the promoted backup grants tokens that were granted before',
    edits: [
      {
        file: snapshot,
        find: "this.state.apply(['start', header.token, header.pauseMs, header.limits])",
        replace: "this.state.apply(['start', header.token - 3, header.pauseMs, header.limits])",
      },
    ],
  },
  {
    name: 'digest not in the snapshot',
    breaks: 'R4, R3',
    why: 'the digest of a copy begins at 0, differs at once, and every backup is dropped',
    edits: [{ file: snapshot, find: 'state.digest = header.digest', replace: '' }],
  },
  {
    name: 'snapshot not atomic',
    search: 'join in chunks',
    breaks: 'R3',
    why: 'a change during the copy is inside of the snapshot, and comes again behind it',
    edits: [
      {
        file: snapshot,
        find: 'this.#keptSessions.push(this.#sessionRecords(session))',
        replace: 'session.copied = 0',
      },
      { file: snapshot, find: 'this.#keptLocks.push(this.#lockRecords(lock))', replace: 'lock.copied = 0' },
    ],
  },
  {
    name: 'copy only when there was no backup before',
    breaks: 'V5',
    why: 'a backup that replaces another one gets the operations, and not the state',
    edits: [
      {
        file: replicated,
        find: '#unsent = 0',
        replace: "#unsent = 0\n  before: InView['view']['backup'] = null",
      },
      {
        file: replicated,
        find: 'this.#leases = leases',
        replace: 'this.#leases = leases\n    this.before = situation.view.backup',
      },
      {
        file: replicated,
        find: 'this.#join = this.#newJoin() this.flush()',
        replace: `this.#join = this.#newJoin()
    this.flush()
    const { before } = this
    this.before = this.#situation.view.backup
    if (before !== null && this.before !== null) this.#join.assume(this.#stream.sequence, this.#unsent)`,
      },
      {
        file: join,
        find: '/** V4: the backup is nearly level. */',
        replace: `assume(sequence: number, unsent: number) {
    this.#become({ is: 'installed', parkAbove: joinBacklogMax })
    this.#sent = sequence
    this.#unsent = unsent
  }
`,
      },
      {
        file: join,
        find: "if (is === 'installed' || is === 'latched' || ours) return 'other'",
        replace: `if (is === 'installed') {
      const copy = new Copy(new State(), this)
      this.#phase = { is: 'copying', copy, sent: 0, received: 0, beside: 0 }
      const header = headerOf(this.#state, this.#sent - this.#unsent, null)
      this.#out.send(link, ['copy', this.#situation.view.number, header])
      this.#sendChunks()
      return 'goes on'
    }
    if (is === 'latched' || ours) return 'other'`,
      },
      {
        file: join,
        find: "import type { State } from './state/state.ts'",
        replace: "import { State } from './state/state.ts'",
      },
    ],
  },
  {
    name: 'a copy goes on over a new connection',
    search: 'cut copy',
    breaks: 'R3, V5',
    why: 'chunks that were in flight are missing: the copy is never whole',
    edits: [
      {
        file: join,
        find: "if (is === 'copying' || is === 'asked') this.#become({ is: 'none' }) // R3: it lives and dies with its connection",
        replace: "if (is === 'asked') this.#become({ is: 'none' })",
      },
      {
        file: join,
        find: "this.#become({ is: 'none' }) // V5: a copy that was cut before it was whole starts afresh",
        replace: "if (is !== 'none') {\n      this.#sendChunks()\n      return 'goes on'\n    }",
      },
      {
        file: backup,
        find: 'this.#dropInstallation() // R3: a snapshot lives and dies with its connection',
        replace: '',
      },
    ],
  },
  {
    name: 'a late frame of a replaced copy',
    search: 'copied again',
    breaks: 'R3',
    why: 'chunks that still arrive on a replaced connection go into the new copy',
    edits: [
      {
        file: 'lockserver/admission.ts',
        find: "if (backup.connection !== null) this.#out.close(backup.connection, 'REPLACED', 'the primary dialled again')",
        replace: '',
      },
    ],
  },
  {
    name: 'snapshot installed again in its view',
    breaks: 'R3',
    why: 'a backup in sync that loses its connection asks for a new copy; its primary dies during it',
    edits: [
      {
        file: backup,
        find: 'this.#connection = null this.shown?.disconnected()',
        replace: `this.#connection = null
    this.shown = null
    this.whole = 0
    this.toldInSync = false
    this.#dropInstallation()`,
      },
      {
        file: join,
        find: "if (is === 'installed' || is === 'latched' || ours) return 'other'",
        replace: '',
      },
    ],
  },
  {
    name: 'backup gives its state up at a cut',
    breaks: 'V5',
    why: 'the view is acked, the primary dies, and nothing is left',
    edits: [
      {
        file: backup,
        find: 'this.#connection = null this.shown?.disconnected()',
        replace: `this.#connection = null
    this.shown = null
    this.whole = 0
    this.toldInSync = false
    this.state = null`,
      },
    ],
  },
  // ---- the digest, and determinism
  {
    name: 'digest not compared',
    breaks: 'R4',
    why: 'a copy that went wrong is promoted',
    edits: [
      {
        file: join,
        find: 'last.sequence === sequence && last.digest !== digest',
        replace: 'false',
      },
    ],
  },
  {
    name: 'the wrong copy is kept',
    breaks: 'R4',
    why: 'a backup whose digest differs stays the backup, and the primary shows nothing any more',
    edits: [{ file: primary, find: "else this.link.refuse('digest differs')", replace: '' }],
  },
  {
    name: 'expire walks in the order of the map',
    test: 'rules-snapshot',
    breaks: 'R4',
    why: 'a copy of a map has another order: tokens are handed out in another order',
    edits: [
      {
        file: 'lockserver/state/sessions.ts',
        find: 'return nextOf(this.holds.keys(), after, most).map(token => this.holds.get(token) as Hold)',
        replace: 'return after > 0 ? [] : [...this.holds.values()].slice(0, most)',
      },
    ],
  },
  {
    name: 'a copy counts by its own limits',
    breaks: 'R4',
    why: 'the servers of a cluster have different limits: one refuses what the other grants',
    edits: [
      {
        file: serverCore,
        find: 'if (!this.#workPlanned) this.#work() }',
        replace: `const state = this.#roles.backup?.state ?? null
    if (state !== null) {
      state.limits = this.#options.limits
      state.table.start(state.table.lastToken, state.table.paused, state.limits)
    }
    if (!this.#workPlanned) this.#work()
  }`,
      },
    ],
  },
  {
    name: 'a lease read by the state',
    breaks: 'R4',
    why: 'an outcome depends on what only the primary knows',
    edits: [
      {
        file: 'lockserver/state/state.ts',
        find: "if (claim.manner === 'ifAvailable' && !sorted.every(name => this.table.available(name, claim))) {",
        replace:
          "if (claim.manner === 'ifAvailable' && 'cut' in this && this.cut === true) {\n      return this.#reply(session, ['unavailable', request])\n    }\n    if (claim.manner === 'ifAvailable' && !sorted.every(name => this.table.available(name, claim))) {",
      },
      {
        file: primary,
        find: "request(client: Client, request: SaidOn<'clientToServer'>): boolean {",
        replace:
          "request(client: Client, request: SaidOn<'clientToServer'>): boolean {\n    Object.assign(this.state, { cut: !this.link.connected })",
      },
      {
        file: 'lockserver/backup-link.ts',
        find: 'get unreachable(): string[] {',
        replace: 'get connected() {\n    return this.#welcomed\n  }\n\n  get unreachable(): string[] {',
      },
    ],
  },
  {
    name: 'forward of an older view applied',
    breaks: 'R2, F6',
    why: 'a promoted backup goes on applying, and acknowledging, what the deposed primary sends',
    edits: [
      {
        file: roles,
        find: 'this.#cutPrimary(view) backup?.finish()',
        replace: 'this.deposed = backup\n    backup?.finish()',
      },
      {
        file: serverCore,
        find: "this.#fromPrimary(connection, peer, saidOn<'primaryToBackup'>(messages))",
        replace: `if (this.#roles.backup !== null) this.#fromPrimary(connection, peer, saidOn<'primaryToBackup'>(messages))
    else if (this.#roles.deposed?.connection === connection) {
      const { view } = this.#situation
      for (const message of saidOn<'primaryToBackup'>(messages)) {
        if (view === null) return
        this.#situation.view = { ...view, number: message[1] }
        this.#roles.deposed.message(message)
        this.#roles.deposed.work()
      }
      this.#situation.view = view
    }`,
      },
      { file: roles, find: '#over = false', replace: '#over = false\n  deposed: Backup | null = null' },
    ],
  },
  {
    name: 'snapshot that merges',
    search: 'copied again',
    breaks: 'R3, V5',
    why: 'records of a cut copy stay, and are there twice when the next copy is whole',
    edits: [
      {
        file: backup,
        find: 'this.#dropInstallation() // R3: a snapshot lives and dies with its connection',
        replace: '',
      },
      {
        file: backup,
        find: 'this.#dropInstallation() this.found = null this.#installation = new Installation(header)',
        replace: `const cut = this.#installation
    this.#dropInstallation()
    this.found = null
    this.#installation = new Installation(header)
    for (const session of cut?.state.sessions.values() ?? []) this.#installation.state.addSession(session)
    for (const [name, lock] of cut?.state.table.locks ?? [])
      this.#installation.state.table.locks.set(name, lock)`,
      },
    ],
  },
  {
    name: 'unpause walks in the order of the map',
    search: 'pause in chunks',
    breaks: 'R4',
    why: 'after the pause of a reset the primary and its copy hand out tokens in different orders',
    edits: [
      {
        file: 'lockserver/state/lock-table.ts',
        find: 'for (const name of unserved) {',
        replace: 'for (const name of [...this.locks.keys()]) {',
      },
    ],
  },
  {
    name: 'in sync compares with the last batch that was sent',
    search: 'join in turns',
    breaks: 'V4',
    why: 'batches leave at the end of a turn: what was answered alone in this one is not with the backup yet',
    edits: [
      {
        file: replicated,
        find: 'this.flush() this.#recent = null this.#join.latch(this.#stream.sequence)',
        replace: 'this.#recent = null\n      this.#join.latch(this.#stream.sequence)',
      },
    ],
  },
]

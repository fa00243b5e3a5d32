// Planted bugs of the servers that decide and follow views: the view server, and the lock servers' roles.

import type { Edit, Mutant } from './mutant.ts'
import { shownNow } from './replication.ts'

const view = 'viewservice/view.ts'
const viewCore = 'viewservice/core.ts'
const group = 'viewservice/group.ts'
const servers = 'viewservice/servers.ts'
const serverCore = 'lockserver/core.ts'
const roles = 'lockserver/roles.ts'
const selfReport = 'lockserver/self-report.ts'

/** The view server checks each step once more before it saves it; a bug here must get past that, too. */
const unchecked: Edit = {
  file: group,
  find: 'if (problem !== undefined) throw',
  replace: 'if (problem === null) throw',
}

export const views: readonly Mutant[] = [
  {
    name: 'ack on first sight',
    breaks: 'V4',
    why: 'the primary acks a view when it learns of it; it dies before its backup has the state',
    edits: [
      {
        file: 'lockserver/primary.ts',
        find: 'return this.#situation.view.backup === null || this.replication.join.inSync',
        replace: 'return true',
      },
    ],
  },
  {
    name: 'ack when the backup was told',
    breaks: 'V4',
    why: 'the message is cut in flight: acked for the view server, copying for the backup',
    edits: [
      {
        file: 'lockserver/join.ts',
        find: "return this.#phase.is === 'latched' && this.#phase.knows && !this.#differs",
        replace: "return this.#phase.is === 'latched' && this.#phase.told && !this.#differs",
      },
    ],
  },
  {
    name: 'only the primary acks',
    breaks: 'V4',
    why: 'the primary dies with its ack unsent: halted for ever beside a good backup',
    edits: [
      {
        file: group,
        find: "if (backup?.role === 'backup' && backup.inSync && backup.view === view.number) return true return this.#question.backupInSync",
        replace: 'return false',
      },
    ],
  },
  {
    name: 'any ping of the backup acks',
    breaks: 'V4',
    why: 'a backup that is still copying counts as in sync; promoted, it has nothing',
    edits: [
      {
        file: group,
        find: "if (backup?.role === 'backup' && backup.inSync && backup.view === view.number) return true",
        replace: "if (backup?.role === 'backup' && backup.view === view.number) return true",
      },
    ],
  },
  {
    name: 'acked stays set in the next view',
    breaks: 'V3',
    why: 'a backup is promoted from a view that was never acked',
    edits: [
      {
        file: group,
        find: 'return { ...record, view: this.#checked(view), acked: false }',
        replace: 'return { ...record, view: this.#checked(view) }',
      },
    ],
  },
  {
    name: 'ack not durable',
    breaks: 'V6',
    why: 'acked in memory only: a restarted view server goes on from a view that is not acked',
    edits: [
      {
        file: group,
        find: 'return { ...record, acked: true, lastAcked: record.view.number }',
        replace: 'return this.#nextRecord((this.#record = { ...record, acked: true }), spares)',
      },
    ],
  },
  {
    name: 'view told before it is durable',
    breaks: 'V6',
    why: 'the view server dies between announcing and writing, and makes another view of that number',
    edits: [
      {
        file: viewCore,
        find: 'this.#out.save(this.#saving)',
        replace: `this.#out.save(this.#saving)
    for (const connection of this.#servers.connections())
      this.#out.send(connection, ['view', this.#saving.view, false])`,
      },
    ],
  },
  {
    name: 'deciding while a record is written',
    breaks: 'V6',
    why: 'two records of one number; the later one forgets what the earlier one decided',
    edits: [
      {
        file: viewCore,
        find: 'if (this.#saving !== null || this.#halted !== null) return // V6',
        replace: 'if (this.#halted !== null) return',
      },
      {
        file: viewCore,
        find: "if (record === null) throw new Error('V6: saved, but nothing was being saved')",
        replace: 'if (record === null) return',
      },
    ],
  },
  {
    name: 'view changed before its ack',
    breaks: 'V3',
    why: 'the view server promotes the backup of a view that was never acked',
    edits: [
      {
        file: view,
        find: 'if (!acked || !now.backupAnswered) return false // V3',
        replace: "if (now.primary !== 'dead') return false",
      },
      unchecked,
    ],
  },
  {
    name: 'backup added to an unacked first view',
    search: 'first view',
    breaks: 'V3',
    why: 'the primary learns view 2 first, has no state for it, and gives up',
    edits: [
      {
        file: view,
        find: 'if (view.start !== null && !acked) return undefined',
        replace: '',
      },
      {
        file: view,
        find: 'if (view.backup === null && acked && mayAdd && now.idleInReach !== null)',
        replace: 'if (view.backup === null && mayAdd && now.idleInReach !== null)',
      },
      unchecked,
    ],
  },
  {
    name: 'promotion without the question',
    breaks: 'V3',
    why: 'the backup is dead as well, only not suspected yet; a paused primary steps down for a corpse',
    edits: [
      {
        file: view,
        find: 'if (!acked || !now.backupAnswered) return false // V3',
        replace: 'if (!acked) return false',
      },
      unchecked,
    ],
  },
  {
    name: 'idle server promoted',
    breaks: 'V2, V3',
    why: 'primary and backup are dead; an idle server takes over with an empty state',
    edits: [
      {
        file: view,
        find: "if (now.primary === 'dead') return undefined",
        replace:
          "if (now.primary === 'dead') return now.idle && now.backup !== 'well' ? { ...after(view, now.idle, null), start: { tokenFloor: 0, pauseMs: 0, choice: null } } : undefined",
      },
      unchecked,
    ],
  },
  {
    name: 'two views for one death',
    breaks: 'V7',
    why: 'the backup is promoted alone although there is an idle server: a window without a backup',
    edits: [
      {
        file: view,
        find: 'return after(view, view.backup, now.idle)',
        replace: 'return after(view, view.backup, null)',
      },
    ],
  },
  {
    name: 'view made though nothing changed',
    breaks: 'V7',
    why: 'each new idle server replaces a healthy backup: views and copies without end',
    edits: [
      {
        file: view,
        find: 'return undefined // V7 }',
        replace:
          'return view.backup !== null && acked && now.idleInReach !== null ? after(view, view.primary, now.idleInReach) : undefined\n}',
      },
    ],
  },
  {
    name: 'dead server chosen as backup',
    breaks: 'V7',
    why: 'an idle server that has died becomes backup, is found dead, and is chosen again',
    edits: [
      {
        file: servers,
        find: "this.lives(server) && server.ping?.role === 'idle'",
        replace: "server.ping?.role === 'idle'",
      },
    ],
  },
  {
    name: 'unreachable backup kept',
    breaks: 'V7',
    why: 'primary and backup do not reach each other, both reach the view server, and nothing changes',
    edits: [
      {
        file: group,
        find: "if (unreachable.includes(backup.address)) return 'unreachable'",
        replace: '',
      },
    ],
  },
  {
    name: 'backup given up for a silent primary',
    breaks: 'V3',
    why: 'an old ping of a dead primary says that its backup is unreachable: the last copy is dropped',
    edits: [
      {
        file: view,
        find: 'return now.primaryHeard ? after(view, view.primary, now.idleInReach) : undefined',
        replace: 'return after(view, view.primary, now.idleInReach)',
      },
    ],
  },
  {
    name: 'decided on the first ping read',
    breaks: 'V3, V7',
    why: 'after a freeze the oldest of many pings decides what a later one takes back',
    edits: [
      {
        file: viewCore,
        find: "if (input.is === 'tick' || input.is === 'turn-end') this.#decide()",
        replace: 'this.#decide()',
      },
      {
        file: view,
        find: 'return now.primaryHeard ? after(view, view.primary, now.idleInReach) : undefined',
        replace: 'return after(view, view.primary, now.idleInReach)',
      },
    ],
  },
  {
    name: 'the record counts as alive until heard',
    search: 'died while away',
    breaks: 'V6',
    why: 'the backup died while the view server was away, and is waited for without end',
    edits: [
      {
        file: servers,
        find: 'if (anybody && !server.heard && ++server.missed === this.#deadPings) died.push(server)',
        replace:
          'if (anybody && server.ping && !server.heard && ++server.missed === this.#deadPings) died.push(server)',
      },
    ],
  },
  {
    name: 'a tick without any ping counts',
    search: 'no server heard',
    breaks: 'V7, F9',
    why: 'the view server was cut off or slept: it suspects every server, and deposes a healthy primary',
    edits: [
      {
        file: servers,
        find: 'if (anybody && !server.heard &&',
        replace: 'if (!server.heard &&',
      },
    ],
  },
  {
    name: 'a new connection of a server taken for a second one',
    breaks: 'V5',
    test: 'view-servers',
    why: 'the old connection is half open: no peer closes it, and the server is kept out for ever',
    edits: [
      {
        file: servers,
        find: 'const holder = this.holder(hello) if (holder === undefined) return undefined',
        replace: `if (known !== undefined && known.connection !== null) return ['ADDRESS_TAKEN', 'it is connected already']
    const holder = this.holder(hello)
    if (holder === undefined) return undefined`,
      },
    ],
  },
  {
    name: 'a reset past a silent primary',
    breaks: 'F14',
    why: 'the primary is only cut off, and goes on answering its clients beside the new state',
    edits: [
      {
        file: 'viewservice/reset.ts',
        find: "if (outcome.is === 'refused') return undefined",
        replace: "if (outcome.is !== 'answered') return undefined",
      },
    ],
  },
  {
    name: 'an unreachable address is never tried again',
    breaks: 'V7',
    why: 'the primary reports it for as long as it lives: no server at that address is its backup again',
    edits: [
      {
        file: 'lockserver/backup-link.ts',
        find: 'else if (probe === null && address !== backup?.address) this.#probe(address)',
        replace: '',
      },
    ],
  },
  {
    name: 'a server that is asked to leave answers what it has',
    breaks: 'R1',
    why: 'the primary dies before its backup has applied what the primary has just answered',
    edits: [
      {
        file: 'lockserver/primary.ts',
        find: 'close(): void { this.replication.flush()',
        replace: `close(): void {
    this.replication.flush()
    for (const showing of this.replication.all()) this.#audience.now(showing)`,
      },
      shownNow,
      {
        file: 'lockserver/replication.ts',
        find: '/** R2: under a new view that names this primary again it goes on, and answers what waited. */',
        replace: `all() {
    const all = this.#holdback.all()
    this.#holdback = new Holdback()
    if (this.#join.latched) this.#holdback.ask(this.#join)
    return all
  }

  /** R2 */`,
      },
    ],
  },
  {
    name: 'another id taken from its hello alone',
    breaks: 'V5',
    why: 'a late hello of a dead process deposes the server that lives at its address',
    edits: [
      {
        file: servers,
        find: 'if (holder === undefined) return undefined',
        replace: 'if (holder === undefined || this.#byId.size > 0) return undefined',
      },
      {
        file: viewCore,
        find: 'if (!server.counts) this.#verifying.next(this.#clusterId)',
        replace:
          'if (!server.counts) for (const other of this.#servers.verify(server)) this.#findings.expel(other, "ADDRESS_TAKEN", "taken over")',
      },
    ],
  },
  {
    name: 'a restarted server under its old id',
    breaks: 'V5, F4',
    why: 'an id that belongs to the address: a restarted, empty backup counts as the one in sync',
    edits: [
      {
        file: serverCore,
        find: 'constructor(options: ServerCoreOptions, found: Found | null = null) { this.#options = options',
        replace: `constructor(given: ServerCoreOptions, found: Found | null = null) {
    const text = [...given.address].map(c => c.charCodeAt(0).toString(16)).join('')
    const options = { ...given, id: text.padStart(32, '0').slice(-32) }
    this.#options = options`,
      },
    ],
  },
  {
    name: 'steps down on any refusal',
    breaks: 'R2',
    why: 'a stalled backup refuses an old view; the primary throws the only state away',
    edits: [
      {
        file: 'lockserver/core.ts',
        find: 'if (newer !== null) this.adopt(newer)',
        replace: "if (newer !== null) return this.#out.do({ do: 'step-down', reason: 'the backup refused' })",
      },
    ],
  },
  {
    name: 'step-down for any newer view',
    breaks: 'R2',
    why: 'the primary gives its state up under a view that names it again',
    edits: [
      {
        file: roles,
        find: 'if (this.#primary !== null) return this.#primary.enter()',
        replace: "if (this.#primary !== null) return this.#stepDown('a newer view')",
      },
    ],
  },
  {
    name: 'waiting answers shown at a step-down',
    search: 'deposed',
    breaks: 'R5',
    why: 'a deposed primary answers what its backup never applied',
    edits: [
      {
        file: roles,
        find: "this.#out.note('warn', 'stepping down', { reason })",
        replace: "this.#primary?.giveUp()\n    this.#out.note('warn', 'stepping down', { reason })",
      },
      {
        file: 'lockserver/primary.ts',
        find: '/** R2: a new view names this primary again. */',
        replace:
          'giveUp() {\n    this.replication.enter()\n    for (const showing of this.replication.release(1e9)) this.#audience.now(showing)\n  }\n',
      },
      shownNow,
    ],
  },
  {
    name: 'a copying backup says that it is in sync',
    breaks: 'V4, V5',
    why: 'it is promoted, and acts as primary with an incomplete state',
    edits: [
      {
        file: roles,
        find: "if (backup !== null && !backup.toldInSync) return this.#stepDown('named primary before it was in sync')",
        replace: '',
      },
      {
        file: selfReport,
        find: 'inSync: backup?.toldInSync ?? false, opNumber:',
        replace: 'inSync: backup !== null,\n      opNumber:',
      },
      {
        file: selfReport,
        find: 'inSync: this.#roles.backup?.toldInSync ?? false,',
        replace: 'inSync: this.#roles.backup !== null,',
      },
    ],
  },
  {
    name: 'one missed ping is a death',
    breaks: 'V7',
    why: 'the ticks of two clocks differ: views are made although no server has died',
    edits: [
      { file: servers, find: '++server.missed === this.#deadPings', replace: '++server.missed === 1' },
      { file: servers, find: 'server.missed >= this.#deadPings', replace: 'server.missed >= 1' },
    ],
  },
  {
    name: 'two resets with the same token floor',
    breaks: 'L2',
    why: 'tokens of the first reset are given again after the second',
    theme: 'resets',
    test: 'view-reset',
    edits: [
      {
        file: group,
        find: 'Math.max(highestToken, this.#highestToken, next.view.start?.tokenFloor ?? 0)',
        replace: 'Math.max(highestToken, this.#highestToken)',
      },
    ],
  },
  {
    name: 'a primary that means another server is let in',
    breaks: 'V5',
    why: 'a restarted server takes what was meant for the one before it',
    test: 'roles',
    edits: [
      { file: 'lockserver/admission.ts', find: 'if (from.to !== id) {', replace: "if (from.to === '') {" },
    ],
  },
  {
    name: 'no ping says that the backup is out of reach',
    breaks: 'V7, F7',
    test: 'lone-primary',
    why: 'the view server keeps a backup that its primary can not reach, and no request is answered',
    edits: [
      {
        file: selfReport,
        find: 'unreachable: primary?.link.unreachable ?? [],',
        replace: 'unreachable: [],',
      },
    ],
  },
  {
    name: 'a leaving primary that has lost its backup stays closed',
    breaks: 'F2',
    test: 'lone-primary',
    why: 'it answers no client until the next backup has its state',
    edits: [{ file: 'lockserver/leaving.ts', find: 'primary.reopen()', replace: '' }],
  },
]

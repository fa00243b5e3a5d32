// Planted bugs of leases: at the primary, at the promoted backup, at the client.

import type { Mutant } from './mutant.ts'

const roles = 'lockserver/roles.ts'
const backup = 'lockserver/backup.ts'
const primary = 'lockserver/primary.ts'
const sessions = 'lockserver/state/sessions.ts'
const lease = 'client/session/lease.ts'
const clock = 'wire/clock.ts'
const clientCore = 'client/session/core.ts'

export const leases: readonly Mutant[] = [
  {
    name: 'a tick forgets the rest of what was due',
    breaks: 'S3',
    why: 'sessions that end together, and were not in the first piece, hold their locks for ever',
    test: 'ends-together',
    edits: [
      {
        file: 'lockserver/overdue.ts',
        find: 'if (this.#expiry.more) return // The rest of what was due before comes first.',
        replace: '',
      },
    ],
  },
  {
    name: 'promotion that keeps no grace',
    breaks: 'S3',
    why: 'a lease runs out while its client is on its way to the new primary',
    edits: [
      {
        file: roles,
        find: 'leases.extendAll(this.#situation.now.monotonic + promotionGraceMs(pingLimitMs)) // S3',
        replace: '',
      },
    ],
  },
  {
    name: 'promotion that forgets remaining times',
    breaks: 'S3, S4',
    why: 'a promoted backup gives each lease the grace and no more: a long lease ends too early',
    edits: [
      {
        file: roles,
        find: 'this.#startPrimary(backup.state, backup.leases, imprint)',
        replace: `for (const ordinal of backup.state.sessions.keys()) backup.leases.set(ordinal, 0)
      this.#startPrimary(backup.state, backup.leases, imprint)`,
      },
    ],
  },
  {
    name: 'promotion that forgets the leases',
    breaks: 'S3, F11',
    why: 'a promoted backup ends no lease from before: the locks of dead clients are never free',
    edits: [
      {
        file: roles,
        find: 'this.#startPrimary(backup.state, backup.leases, imprint)',
        replace: 'this.#startPrimary(backup.state, new Leases(), imprint)',
      },
    ],
  },
  {
    name: 'backup forgets renewals',
    search: 'renewed before the promotion',
    breaks: 'S3',
    why: 'the promoted backup expires a lease that its client has had confirmed since',
    edits: [
      {
        file: backup,
        find: "if (entry[0] === 'renew') this.#renew(entry[1])",
        replace: "if (entry[0] === 'renew') continue",
      },
    ],
  },
  {
    name: 'remaining times not in the snapshot',
    search: 'late to the promoted',
    breaks: 'S3',
    why: 'a copied lease counts as run out at the backup: promoted, it expires a client that believes in it',
    edits: [
      {
        file: 'lockserver/state/snapshot.ts',
        find: 'Math.ceil(this.#leases.remainingMs(session))',
        replace: '0',
      },
    ],
  },
  {
    name: 'a longer ttl before the record covers it',
    search: 'longer than the record',
    breaks: 'S4, F14',
    why: 'a reset pauses for the longest ttl in the record: a client with a longer one still believes then',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: 'if (!this.#state.sessionsById.has(id) && this.opens.mustWait(ttlMs)) this.opens.add',
        replace: 'if (false) this.opens.add',
      },
      {
        file: 'lockserver/session-requests.ts',
        find: 'const ttl = Math.min(ttlMs, this.#situation.longestTtlMs)',
        replace: 'const ttl = ttlMs',
      },
    ],
  },
  {
    name: 'backup expires by its own clock',
    breaks: 'S3',
    why: 'a lease ends without a replicated operation: two copies of one state differ',
    edits: [
      {
        file: backup,
        find: '/** B1: applies what this turn has room for, and one batch more at most; true when more is left. */ work(): boolean {',
        replace: `work(): boolean {
    for (const ordinal of this.leases.due(this.#situation.now.monotonic, this.state?.sessions ?? new Map()).sessions) {
      const session = this.state?.sessions.get(ordinal)
      if (session !== undefined && this.whole !== 0) this.state?.apply(['expire', [ordinal]])
    }`,
      },
    ],
  },
  {
    name: "the server's clock read once a tick",
    breaks: 'S4',
    why: "'received' is too early, and so is the server's deadline",
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: 'this.#leases.renew(session, this.#situation.now.monotonic) this.#replication.add',
        replace:
          'this.#leases.renew(session, this.ticked ?? this.#situation.now.monotonic)\n    this.#replication.add',
      },
      {
        file: primary,
        find: 'tick(): void {',
        replace: 'tick(): void {\n    this.#sessions.ticked = this.#situation.now.monotonic',
      },
      {
        file: 'lockserver/session-requests.ts',
        find: 'readonly opens: Opens',
        replace: 'readonly opens: Opens\n  ticked: number | undefined',
      },
    ],
  },
  {
    name: 'lease counted from the receipt',
    search: 'late answers',
    breaks: 'S4',
    why: 'the client counts from when its renewal was confirmed: it stops after the server',
    edits: [
      {
        file: clientCore,
        find: 'this.#onRenewed(message[1])',
        replace: 'this.#onRenewed(message[1], now)',
      },
      {
        file: clientCore,
        find: '#onRenewed(number: number): void { if (!this.#lease.confirm(number)) return',
        replace:
          '#onRenewed(number: number, now: Instant): void {\n    if (!this.#lease.confirm(number)) return\n    this.#lease.begin(this.#lease.ttlMs, now.monotonic)',
      },
    ],
  },
  {
    name: 'lease believed too long',
    breaks: 'S4',
    why: 'the client believes in its lease for longer than the servers do',
    edits: [
      {
        file: lease,
        find: ': this.#from + this.#lengthMs * clientLeasePart',
        replace: ': this.#from + this.#lengthMs * 1.1',
      },
      {
        file: lease,
        find: 'this.#from + lengthMs * clientLeasePart - now',
        replace: 'this.#from + lengthMs * 1.1 - now',
      },
    ],
  },
  {
    name: 'any answer extends the lease',
    breaks: 'S4',
    why: 'the client takes any reply for a renewal; the server does not',
    edits: [
      {
        file: clientCore,
        find: "case 'ended': if (this.#answers.message(message, now))",
        replace:
          "case 'ended':\n        this.#lease.begin(this.#lease.ttlMs, now.monotonic)\n        if (this.#answers.message(message, now))",
      },
    ],
  },
  {
    name: 'lease not looked at when a grant comes',
    search: 'late answers',
    breaks: 'S4',
    why: 'a grant after the local deadline is believed: the server may have granted the lock again',
    edits: [
      {
        file: clientCore,
        find: 'if (!this.over && this.#lease.expired(now.monotonic)) this.#expire(now)',
        replace:
          "if (!this.over && input.is === 'wake' && this.#lease.expired(now.monotonic)) this.#expire(now)",
      },
    ],
  },
  {
    name: 'a session resumed after its deadline',
    breaks: 'S4',
    why: 'a client that had to give its locks up believes in them again after the link has healed',
    edits: [
      {
        file: clientCore,
        find: 'if (!this.over && this.#lease.expired(now.monotonic)) this.#expire(now)',
        replace: '',
      },
      {
        file: clientCore,
        find: 'let next = Math.min(this.#links.wakeAt, this.#lease.deadline)',
        replace: 'let next = this.#links.wakeAt',
      },
    ],
  },
  {
    name: 'a suspended machine keeps its lease',
    breaks: 'S4',
    why: 'the monotonic clock stood still while the machine slept; the wall clock did not',
    edits: [
      {
        file: clock,
        find: 'this.#suspendedMs += ms',
        replace: 'this.#suspendedMs += ms * 1e-9',
      },
    ],
  },
  {
    name: 'no renewal after a rest',
    breaks: 'S4',
    why: 'a rested client asks for a lock with a lease that is over on the servers, and believes for a ttl',
    edits: [
      {
        file: 'client/session/sending.ts',
        find: 'if (this.#lease.wake(now.monotonic) && this.#links.ready) this.renew(now)',
        replace: 'this.#lease.wake(now.monotonic)',
      },
    ],
  },
  {
    name: 'a holder rests',
    breaks: 'S4',
    why: 'the servers give a dead client that holds something the longer lease: its locks are not free after the ttl',
    edits: [
      {
        file: sessions,
        find: 'return this.holds.size === 0 && this.waiting.size === 0',
        replace: 'return this.waiting.size === 0',
      },
    ],
  },
  {
    name: 'a waiter rests',
    breaks: 'S4',
    why: 'a dead client is granted what it waited for, and keeps it for the longer lease',
    edits: [
      {
        file: sessions,
        find: 'return this.holds.size === 0 && this.waiting.size === 0',
        replace: 'return this.holds.size === 0',
      },
    ],
  },
  {
    name: 'a client that holds something rests',
    breaks: 'S4',
    why: 'it believes in its locks for the longer lease, the servers for the ttl',
    edits: [
      {
        file: clientCore,
        find: 'const rests = !asks && this.#holds.size === 0 && this.abandoned.size === 0',
        replace: 'const rests = !asks && this.abandoned.size === 0',
      },
    ],
  },
]

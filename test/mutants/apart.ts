// Planted bugs that neither the simulator nor the search can see: of the disk, of a whole minute, of a
// backlog of thousands, of another view server; and one that takes a sleep, a partition and a death within
// moments, which the simulator draws once in thousands of seeds. Each names the test that does see it.

import type { Mutant } from './mutant.ts'

export const apart: readonly Mutant[] = [
  {
    name: 'a record renamed over another',
    breaks: 'V6',
    why: 'two view servers write to one folder, and both announce a view',
    test: 'view-store',
    edits: [
      {
        file: 'viewservice/reserve.ts',
        find: 'linkSync(from, to)',
        replace: 'renameSync(from, to)',
      },
      {
        file: 'viewservice/reserve.ts',
        find: 'import { closeSync, fsyncSync,',
        replace: 'import { renameSync, closeSync, fsyncSync,',
      },
    ],
  },
  {
    name: 'a save that follows nothing which is there',
    breaks: 'E1',
    why: 'a folder that was put back from a copy goes on as if nothing had been lost',
    test: 'store-contract',
    edits: [
      {
        file: 'viewservice/stores/file.ts',
        find: '{ throwIfNoEntry: false }) === undefined) throw',
        replace: '{ throwIfNoEntry: false }) === null) throw',
      },
    ],
  },
  {
    name: 'a save of unknown outcome is taken for a good one',
    breaks: 'E2',
    why: 'peers learn of a view that is nowhere',
    test: 'keeping',
    edits: [
      {
        file: 'viewservice/keeping.ts',
        find: "case 'not written':",
        replace:
          "case 'not written':\n        if (input.trouble === 'unknown' && this.#wanted !== null) return this.#written({ record: this.#wanted, version: 'v' })",
      },
    ],
  },
  {
    name: 'a repeated save gets another nonce',
    breaks: 'E2',
    why: 'a view server takes its own record, which came late, for another one’s',
    test: 'keeping',
    edits: [
      {
        file: 'viewservice/keeping.ts',
        find: 'if (stored !== null && stored.record.nonce === this.#wanted?.nonce) return this.#written(stored)',
        replace: '',
      },
    ],
  },
  {
    name: 'an older record is taken for a newer one',
    breaks: 'E2',
    why: 'a store that was put back from a backup begins a second history',
    test: 'keeping',
    edits: [
      {
        file: 'viewservice/keeping.ts',
        find: 'if (problem !== null) return this.#halt(problem)',
        replace: 'if (problem !== null && stored === null) return this.#halt(problem)',
      },
    ],
  },
  {
    name: 'a refusal counts at an address where the active one was never met',
    breaks: 'E3',
    why: 'a standby that looks at a wrong address takes the mark from a living one, again and again',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/candidacy.ts',
        find: 'if (this.#other !== null && isSame(this.#welcomedBy, this.#other))',
        replace: 'if (this.#other !== null)',
      },
    ],
  },
  {
    name: 'a mark that was not confirmed is believed for ever',
    breaks: 'E5',
    why: 'lock servers go on pinging a view server that has no say any more',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/candidacy.ts',
        find: 'now - confirmedAt >= mark.lifetimeMs',
        replace: 'now < confirmedAt',
      },
    ],
  },
  {
    name: 'a server counts though another one has its address',
    breaks: 'V5',
    why: 'two servers are told to be at one address, and a primary replicates to the wrong one',
    test: 'view-servers',
    edits: [
      {
        file: 'viewservice/findings.ts',
        find: "if (outcome.is !== 'answered' || outcome.id !== server.id) return this.#noteUnverified(server, outcome)",
        replace: "if (outcome.is !== 'answered') return this.#noteUnverified(server, outcome)",
      },
    ],
  },
  {
    name: 'a new active view server waits for missing pings',
    breaks: 'E4',
    why: 'when the active one and the primary die at once, the next grant comes half a second late',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/findings.ts',
        find: "if (server.connection === null) this.#probes.start('lost', server, this.#cluster)",
        replace: '',
      },
    ],
  },
  {
    name: 'a view server decides without the mark',
    breaks: 'E3',
    why: 'two view servers race for each record, and neither knows all lock servers',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: 'if (mark === 0 || this.isActive ||',
        replace: 'if (this.isActive ||',
      },
    ],
  },
  {
    name: 'a view from the future is ignored',
    breaks: 'V6',
    why: 'a view server with an old record goes on making views that others have made already',
    test: 'view-record',
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'if (this.#isFuture(ping.group, ping.view)) {',
        replace: 'if (false) {',
      },
    ],
  },
  {
    name: 'a reset that asks the primary only',
    breaks: 'F14',
    why: 'the view is acked while the reset still asks the primary: a living backup in sync loses its state',
    test: 'view-reset',
    edits: [
      {
        file: 'viewservice/reset.ts',
        find: "reset.stage !== 'asked' && (reset.acked === record.acked || reset.force)",
        replace: "reset.stage !== 'asked'",
      },
    ],
  },
  {
    name: 'dead ids remembered for ever',
    breaks: 'V5',
    why: 'each restart and each step-down leaves one behind',
    test: 'view-servers',
    edits: [
      {
        file: 'viewservice/servers.ts',
        find: 'now - (server.heardAt ?? now) > forgetServerMs,',
        replace: 'now - (server.heardAt as number) > forgetServerMs * 1e6,',
      },
    ],
  },
  {
    name: 'a backlog without a limit',
    breaks: 'R3',
    why: 'the primary makes operations faster than both can apply: its backlog grows, the view is never acked',
    test: 'rules-joining',
    edits: [
      {
        file: 'lockserver/join.ts',
        find: 'get mustPark(): boolean {',
        replace: 'get mustPark(): boolean {\n    if (this.#backlog.entries >= 0) return false',
      },
    ],
  },
  {
    name: 'acked only when nothing is in flight',
    breaks: 'V4',
    why: 'with calls that never pause the view is never acked',
    test: 'rules-joining',
    edits: [
      {
        file: 'lockserver/replication.ts',
        find: 'this.#join.tell(this.#onDisk',
        replace: 'if (this.lag === 0 && !this.#holdback.waits) this.#join.tell(this.#onDisk',
      },
    ],
  },
  {
    name: 'shown though the digest differs',
    breaks: 'R4',
    why: 'the very batch that shows that the copies differ is shown to clients',
    test: 'rules-replication',
    edits: [
      {
        file: 'lockserver/join.ts',
        find: 'return this.#differs ? 0 : this.#applied',
        replace: 'return this.#applied',
      },
    ],
  },
  {
    name: 'last words believed after a sleep',
    breaks: 'V3, F9',
    why: 'the primary reports its backup unreachable and dies while the view server sleeps: the last copy is dropped',
    test: 'view-servers',
    edits: [
      {
        file: 'viewservice/servers.ts',
        find: 'return pinged && server.silent < silentTicks && !this.isDead(server) && !this.#slept(now)',
        replace:
          'return server.connection !== null && server.ping !== null && server.silent < silentTicks && !this.isDead(server)',
      },
      {
        file: 'viewservice/servers.ts',
        find: 'if (slept) server.silent = silentTicks else if (!server.heard)',
        replace: 'if (!server.heard)',
      },
    ],
  },
]

// Planted bugs that neither the simulator nor the search can see: of the disk, of a whole minute, of a
// backlog of thousands, of another view server; and one that takes a sleep, a partition and a death within
// moments, which the simulator draws once in thousands of seeds. For each, the test that does see it.

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
    name: 'view 1 made without listening',
    breaks: 'V6',
    why: 'a view server without a record makes view 1 beside a cluster that has views',
    test: 'view-rules',
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'if (!this.#options.newCluster && this.#ticks < this.#options.deadPings) return undefined',
        replace: '',
      },
    ],
  },
  {
    name: 'a view from the future is ignored',
    breaks: 'V6',
    why: 'a view server with an old record goes on making views that others have made already',
    test: 'view-rules',
    edits: [
      { file: 'viewservice/core.ts', find: 'if (ping.view > this.#viewNumber) {', replace: 'if (false) {' },
    ],
  },
  {
    name: 'a reset that asks the primary only',
    breaks: 'F14',
    why: 'the view is acked while the primary is asked after: a living backup in sync loses its state',
    test: 'view-rules',
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
    test: 'view-rules',
    edits: [
      {
        file: 'viewservice/servers.ts',
        find: 'now - (server.heardAt ?? now) > forgetServerMs,',
        replace: 'now - (server.heardAt ?? now) > forgetServerMs * 1e6,',
      },
    ],
  },
  {
    name: 'a backlog without a limit',
    breaks: 'R3',
    why: 'the primary makes operations faster than both can apply: its backlog grows, the view is never acked',
    test: 'rules-replication',
    edits: [
      {
        file: 'lockserver/replication.ts',
        find: 'get mustPark(): boolean {',
        replace: 'get mustPark(): boolean {\n    if (this.#unappliedEntries >= 0) return false',
      },
    ],
  },
  {
    name: 'acked only when nothing is in flight',
    breaks: 'V4',
    why: 'with calls that never pause the view is never acked',
    test: 'rules-replication',
    edits: [
      {
        file: 'lockserver/replication.ts',
        find: "if (this.#phase === 'latched' && !this.#toldInSync && this.#applied >= this.#latchedAt) {",
        replace:
          "if (this.#phase === 'latched' && !this.#toldInSync && this.#applied >= this.#sequence && this.lag === 0 && this.#showings.length === 0) {",
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
        file: 'lockserver/replication.ts',
        find: 'if (this.#differs) return let done = 0',
        replace: 'let done = 0',
      },
    ],
  },
  {
    name: 'last words believed after a sleep',
    breaks: 'V3, F9',
    why: 'the view server slept while the primary said that it did not reach its backup, and died: the last copy is dropped',
    test: 'view-rules',
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

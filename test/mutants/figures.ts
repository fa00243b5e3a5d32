// Planted bugs of pages and metrics: what operators read.

import type { Mutant } from './mutant.ts'

export const figures: readonly Mutant[] = [
  {
    name: 'a stream that ends counts as a copy that was cut',
    breaks: 'R3',
    why: 'operators see cut copies where a copy was complete long ago',
    test: 'metrics-values',
    edits: [
      {
        file: 'lockserver/counts.ts',
        find: 'if (this.#transferSince !== null) this.transfers.cut++',
        replace: 'this.transfers.cut++',
      },
    ],
  },
  {
    name: 'a batch is timed until the first answer',
    breaks: 'R1',
    why: 'the round trip is that of an older batch, and looks short',
    test: 'metrics-values',
    edits: [
      {
        file: 'lockserver/counts.ts',
        find: 'this.#timedBatch === 0 || sequence < this.#timedBatch',
        replace: 'this.#timedBatch === 0',
      },
    ],
  },
  {
    name: 'a refusal is not counted by its code',
    breaks: 'S1',
    why: 'no operator learns which limit is met',
    test: 'metrics-values',
    edits: [
      {
        file: 'lockserver/counts.ts',
        find: "this.operations['acquire refused']++ this.#refuse(output[2])",
        replace: "this.operations['acquire refused']++",
      },
    ],
  },
  {
    name: 'a ratio in percent',
    breaks: 'R3',
    why: 'a copy that is done shows as 100 of 1',
    test: 'metrics-values',
    edits: [
      {
        file: 'lockserver/pages/metrics.ts',
        find: 'v => v.copiedPart / 100',
        replace: 'v => v.copiedPart',
      },
    ],
  },
  {
    name: 'one loss counts as the other',
    breaks: 'S5',
    why: "a steal shows as an operator's doing",
    test: 'metrics-values',
    edits: [
      {
        file: 'lockserver/pages/metrics.ts',
        find: "labels: { reason: 'stolen' }, value: now().counts.losses.STOLEN",
        replace: "labels: { reason: 'stolen' }, value: now().counts.losses.FORCED",
      },
    ],
  },
  {
    name: 'holds show as waits',
    breaks: 'S1',
    why: 'the histogram of holds reads that of waits',
    test: 'metrics-values',
    edits: [
      {
        file: 'lockserver/pages/metrics.ts',
        find: 'read: () => now().counts.hold',
        replace: 'read: () => now().counts.wait',
      },
    ],
  },
  {
    name: 'a backup that was dropped counts as one that was replaced',
    breaks: 'V7',
    why: 'operators see a new backup where there is none',
    test: ['metrics', 'dashboard'],
    edits: [
      {
        file: 'viewservice/counts.ts',
        find: "return view.backup === null ? 'backup_dropped' : 'backup_replaced'",
        replace: "return view.backup !== null ? 'backup_dropped' : 'backup_replaced'",
      },
    ],
  },
  {
    name: 'the gap of a failover grows with each ping',
    breaks: 'F1',
    why: 'the moment at which the primary was first heard becomes the last',
    test: 'dashboard',
    edits: [
      {
        file: 'viewservice/history.ts',
        find: 'if (last?.number !== number || last.enteredAt !== null) return',
        replace: 'if (last?.number !== number) return',
      },
    ],
  },
  {
    name: 'the dead count as alive',
    breaks: 'V7',
    why: 'the alert for a dead server never fires, and fires when all is well',
    test: 'metrics-values',
    edits: [
      {
        file: 'viewservice/pages/metrics.ts',
        find: "server.alive === (state === 'alive')",
        replace: "server.alive === (state === 'dead')",
      },
    ],
  },
  {
    name: 'a cluster that is halted shows as well',
    breaks: 'F14',
    why: 'the alert for a lost state never fires',
    test: 'metrics-values',
    edits: [
      {
        file: 'viewservice/pages/metrics.ts',
        find: 'm => m.status.halted !== null',
        replace: 'm => m.status.halted === undefined',
      },
    ],
  },
  {
    name: 'the gap begins with the new view',
    breaks: 'F1',
    why: 'the dashboard leaves the time out in which the death was not noticed',
    test: 'metrics-values',
    edits: [
      {
        file: 'viewservice/history.ts',
        find: 'return silentSince === null || enteredAt === null ? null : Math.max(0, enteredAt - silentSince)',
        replace: 'return silentSince === null || enteredAt === null ? null : 0',
      },
    ],
  },
  {
    name: 'unread bytes of the last look',
    breaks: 'B4',
    why: 'the metric shows what was unread when a frame was last sent',
    test: 'metrics-values',
    edits: [
      {
        file: 'wire/serving/edge-metrics.ts',
        find: 'unread.refresh() return unread.sum',
        replace: 'return unread.sum',
      },
    ],
  },
  {
    name: 'the room of one standing is told of another',
    breaks: 'B7',
    why: 'operators see a limit that is none',
    test: 'metrics-values',
    edits: [
      {
        file: 'wire/serving/edge-metrics.ts',
        find: '{ stranger: strangers, client: clients, server: servers }',
        replace: '{ stranger: strangers, client: servers, server: clients }',
      },
    ],
  },
  {
    name: 'buckets that are not cumulative',
    breaks: 'R1',
    why: 'each quantile of a dashboard is wrong',
    test: 'metrics-values',
    edits: [
      {
        file: 'wire/serving/metrics.ts',
        find: 'below += counts[i] ?? 0',
        replace: 'below = counts[i] ?? 0',
      },
    ],
  },
  {
    name: 'a sum of seconds in ms',
    breaks: 'R1',
    why: 'each average of a dashboard is a thousand times too long',
    test: 'metrics-values',
    edits: [
      {
        file: 'wire/serving/metrics.ts',
        find: 'value: sumMs / 1_000 }',
        replace: 'value: sumMs }',
      },
    ],
  },
  {
    name: 'the sampling of delays counts as delay',
    breaks: 'B1',
    why: 'an idle server shows a delay of 20 ms',
    test: 'metrics-values',
    edits: [
      {
        file: 'wire/serving/process-metrics.ts',
        find: 'nanoseconds / 1e6 - resolutionMs',
        replace: 'nanoseconds / 1e6',
      },
    ],
  },
  {
    name: 'processor time in milliseconds',
    breaks: 'B1',
    why: 'a server seems to use a thousand cores',
    test: 'metrics-values',
    edits: [
      {
        file: 'wire/serving/process-metrics.ts',
        find: '(user + system) / 1e6',
        replace: '(user + system) / 1e3',
      },
    ],
  },
  {
    name: 'a disk that hangs shows its last sync',
    breaks: 'D8',
    why: 'status says that all is well while every answer waits for a disk',
    test: 'cli-disks',
    edits: [
      { file: 'cli/status-disks.ts', find: 'if (unsyncedMs >= longMs)', replace: 'if (unsyncedMs < 0)' },
    ],
  },
  {
    name: 'a journal without an imprint hides the one that is waited for',
    breaks: 'D3, D4',
    why: 'while the state is lost an operator sees no journal on the machine that has it',
    test: 'cli-disks',
    edits: [
      {
        file: 'cli/status-disks.ts',
        find: 'if (imprint !== null) return',
        replace: 'if (imprint !== null && disk === null) return',
      },
    ],
  },
  {
    name: 'journals whose writers may live count as proven',
    breaks: 'D4',
    why: 'an operator waits for a recovery that waits for the operator',
    test: 'metrics-values',
    edits: [
      {
        file: 'viewservice/pages/metrics.ts',
        find: 'found.filter(({ proof }) => proof !== null).length',
        replace: 'found.length',
      },
    ],
  },
  {
    name: 'the figures of a disk are told by no ping',
    breaks: 'D8',
    why: 'status knows of no disk at all',
    test: 'durable-cluster',
    edits: [{ file: 'lockserver/core.ts', find: 'this.#roles.disk?.measured(input.figures)', replace: '' }],
  },
]

// Planted bugs of the command: what it says to people and scripts, when it gives up, and what it removes.

import type { Mutant } from './mutant.ts'

export const command: readonly Mutant[] = [
  {
    name: 'a key that an operator forgets does not say whose it was',
    breaks: 'C5',
    why: 'who lets a job run again can not see whether it was the right one',
    test: 'rules-once',
    edits: [
      {
        file: 'lockserver/state/state.ts',
        find: 'const record = known === undefined ? null : doneOf(known)',
        replace: 'const record = known === undefined || forgotten ? null : doneOf(known)',
      },
    ],
  },
  {
    name: 'a key is forgotten of whatever lock has it',
    breaks: 'C5',
    why: "another job's key of the same day is gone, and that job runs twice",
    test: 'client-claims',
    edits: [
      {
        file: 'client/session/requests.ts',
        find: "return ['forget-key', number, what.name, what.key]",
        replace: "return ['forget-key', number, what.key, what.name]",
      },
    ],
  },
  {
    name: 'a key that runs counts as forgotten',
    breaks: 'C5',
    why: 'an operator starts by hand what runs already',
    test: 'rules-once',
    edits: [
      {
        file: 'lockserver/state/state.ts',
        find: "this.#reply(session, ['key-forgotten', request, forgotten, record])",
        replace: "this.#reply(session, ['key-forgotten', request, forgotten || record !== null, record])",
      },
    ],
  },
  {
    name: 'the way to the cluster has no limit',
    breaks: 'F1',
    why: 'a cron job waits longer than it was told to, for a cluster that is not there',
    test: 'processes/cli-run',
    edits: [
      {
        file: 'cli/holding.ts',
        find: 'timeout: Math.min(withinMs, connectWithinMs),',
        replace: 'timeout: withinMs > 0 ? connectWithinMs : withinMs,',
      },
    ],
  },
  {
    name: 'no cluster is no lock',
    breaks: 'F1',
    why: 'cron takes a job that no machine can run for one that another machine runs',
    test: 'processes/cli-run',
    edits: [
      {
        file: 'cli/main.ts',
        find: 'return code <= 2 ? (command.couldNotRun ?? code) : code',
        replace: 'return code <= 2 ? code : (command.couldNotRun ?? code)',
      },
    ],
  },
  {
    name: 'who failed to get a lock waits for dead servers',
    breaks: 'F1',
    why: 'a limit of two seconds takes a whole lease',
    test: 'processes/cli-run',
    edits: [
      {
        file: 'cli/holding.ts',
        find: 'await Promise.race([client.close(), promise])',
        replace: 'await Promise.all([client.close(), promise])',
      },
    ],
  },
  {
    name: 'lists show what a command was given',
    breaks: 'C6',
    why: 'a password in its arguments is in every list',
    test: 'processes/cli-run',
    edits: [
      {
        file: 'cli/run.ts',
        find: "function whoRuns([file = '']: readonly string[]): string {",
        replace: "function whoRuns(words: readonly string[]): string {\n  const file = words.join(' ')",
      },
    ],
  },
  {
    name: 'a kept hold shows where its server runs',
    breaks: 'C6',
    why: 'an operator looks for the holder where there is none',
    test: 'claims-pages',
    edits: [
      {
        file: 'lockserver/query.ts',
        find: 'const [host, pid] = [client?.host ?? null, client?.pid ?? null]',
        replace: "const [host, pid] = [client?.host ?? 'here', client?.pid ?? null]",
      },
    ],
  },
  {
    name: 'a waiter shows no process',
    breaks: 'C6',
    why: "twenty pods of one name can't be told apart",
    test: 'claims-pages',
    edits: [
      {
        file: 'lockserver/query.ts',
        find: 'return { name, mode: claim.mode, clientId, clientName, host, pid, waitedMs, terms }',
        replace:
          'return { name, mode: claim.mode, clientId, clientName, host, pid: pid && null, waitedMs, terms }',
      },
    ],
  },
  {
    name: 'a name turns its line round',
    breaks: 'B3',
    why: 'what an operator reads is not what is there',
    test: 'cli-lists',
    edits: [
      {
        file: 'cli/output.ts',
        find: 'const oddSign = /[\\p{C}\\p{Z}]/gu',
        replace: 'const oddSign = /[\\p{Cs}\\p{Z}]/gu',
      },
    ],
  },
  {
    name: 'all signs are one column wide',
    breaks: 'F13',
    why: 'columns shift behind a name in Chinese',
    test: 'cli-lists',
    edits: [
      {
        file: 'cli/width.ts',
        find: 'return wide.test(sign) && !narrow.test(sign) ? 2 : 1',
        replace: 'return wide.test(sign) && narrow.test(sign) ? 2 : 1',
      },
    ],
  },
  {
    name: 'a pipe gets fifty lines',
    breaks: 'F13',
    why: 'a script works on a part of the locks and does not know it',
    test: 'cli-lists',
    edits: [
      {
        file: 'cli/locks-text.ts',
        find: 'const shown = width === null || print.all ? sorted : sorted.slice(0, linesMax)',
        replace: 'const shown = print.all ? sorted : sorted.slice(0, linesMax)',
      },
    ],
  },
  {
    name: 'no backup is well',
    breaks: 'F14',
    why: 'monitoring stays green until the next death loses all locks',
    test: 'cli-waiting',
    edits: [
      {
        file: 'cli/status.ts',
        find: 'return status.survives > 0 ? well : warning',
        replace: 'return status.acked ? well : warning',
      },
    ],
  },
  {
    name: 'folders of another container are swept',
    breaks: 'B8',
    why: 'a living cluster loses its view record, since its pid means another process here',
    test: 'processes/cli-servers',
    edits: [
      {
        file: 'cli/cluster-sweep.ts',
        find: 'if (here.boot === null || boot !== here.boot || space !== here.space) return false',
        replace: 'if (here.boot === null || boot !== here.boot) return false',
      },
    ],
  },
  {
    name: 'who asks a dead primary is told to start another cluster',
    breaks: 'F2',
    why: 'an operator on call starts a second cluster beside the halted one, and loses minutes',
    test: 'reasons',
    edits: [
      {
        file: 'cli/primary.ts',
        find: "AskedServer.meet(address, secret, 'told')",
        replace: 'AskedServer.meet(address, secret)',
      },
    ],
  },
  {
    name: 'why a cluster is halted is said by status alone',
    breaks: 'F2',
    why: 'who asks for the locks does not learn what would help',
    test: 'processes/cli-servers',
    edits: [
      {
        file: 'cli/primary.ts',
        find: "const words = status && (status.halted ?? adviceFor(status).join(' '))",
        replace: "const words = status && adviceFor(status).join(' ')",
      },
    ],
  },
  {
    name: 'a smaller local cluster takes the first folders',
    breaks: 'D4, F15',
    why: 'the machines with the locks on their disks stay off, and those that start wait for them for ever',
    test: 'processes/cli-durable',
    edits: [
      {
        file: 'cli/cluster-members.ts',
        find: 'ranked.sort((a, b) => byRank(a.rank, b.rank) || a.number - b.number)',
        replace: 'ranked.sort((a, b) => a.number - b.number)',
      },
    ],
  },
  {
    name: 'another cluster fills the folders of this one',
    breaks: 'D3, D4',
    why: 'a folder that was copied from elsewhere comes before the one with the locks',
    test: 'processes/cli-durable',
    edits: [
      {
        file: 'cli/cluster-members.ts',
        find: 'imprint.cluster === record.cluster ? worthOf(choiceOf(record), imprint) : undefined',
        replace: 'worthOf(choiceOf(record), imprint)',
      },
    ],
  },
  {
    name: 'who has a living backup is told to start a server',
    breaks: 'F2',
    why: 'an operator starts machines in vain while the copy is under way',
    test: 'cli-waiting',
    edits: [
      {
        file: 'viewservice/advice.ts',
        find: 'if (backup?.alive === true)',
        replace: 'if (backup?.alive === true && view.number < 0)',
      },
    ],
  },
]

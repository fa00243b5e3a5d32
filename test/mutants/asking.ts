// Planted bugs of what a peer can ask: pages without a budget (B5), records without a reserve (B6), processes that
// are taken at their word (B8), tokens that anybody may claim. Neither the simulator nor the search has pages,
// disks or processes; for each, the test that does see it.

import type { Mutant } from './mutant.ts'

export const asking: readonly Mutant[] = [
  {
    name: 'a page made again for each caller',
    breaks: 'B5',
    why: 'some thousand requests in one piece keep a server from its pings',
    test: 'pages-budget',
    edits: [
      {
        file: 'wire/serving/shared-page.ts',
        find: 'this.#next ??= this.#makeNext()',
        replace: 'this.#next = this.#makeNext()',
      },
    ],
  },
  {
    name: 'a page older than the question',
    breaks: 'B5',
    why: 'a probe that asks after a change is told what was before',
    test: 'pages-budget',
    edits: [
      {
        file: 'wire/serving/shared-page.ts',
        find: 'this.#next = null this.#madeAt =',
        replace: 'this.#madeAt =',
      },
    ],
  },
  {
    name: 'no pause between the pages of one asker',
    breaks: 'B5',
    why: 'whoever asks without end takes all of the time that is left',
    test: 'pages-budget',
    edits: [
      {
        file: 'wire/serving/page-budget.ts',
        find: 'now + Math.min((now - begun) * askerPausePart, askerPauseMsMax)',
        replace: 'now',
      },
    ],
  },
  {
    name: 'as many requests wait as come',
    breaks: 'B5',
    why: 'the answers of a whole flood are made, and held in memory',
    test: 'pages-budget',
    edits: [
      {
        file: 'wire/serving/page-waiting.ts',
        find: 'if (own >= pagesWaitingPerAskerMax || this.#all >= pagesWaitingMax) return false',
        replace: '',
      },
    ],
  },
  {
    name: 'probes wait among all others',
    breaks: 'B5',
    why: 'a server that is asked for too many pages fails its probe, and is restarted for it',
    test: 'pages-budget',
    edits: [
      {
        file: 'wire/serving/http.ts',
        find: "'route' in wish && wish.route.probe ? this.#probing : this.#waiting",
        replace: 'this.#waiting',
      },
    ],
  },
  {
    name: 'pages of other sites may ask',
    breaks: 'B5',
    why: 'any web page makes the browser of a developer ask his cluster for the dearest pages',
    test: 'pages-budget',
    edits: [
      {
        file: 'wire/serving/http.ts',
        find: "if (site !== 'cross-site') return false",
        replace: "if (site !== 'another') return false",
      },
    ],
  },
  {
    name: 'counts for strangers',
    breaks: 'B5',
    why: 'who does not know the secret may ask a lock server for its counts',
    test: 'pages-budget',
    edits: [
      {
        file: 'lockserver/pages/pages.ts',
        find: "'/stats': { guarded: true, forServers",
        replace: "'/stats': { forServers",
      },
    ],
  },
  {
    name: 'readiness names servers to strangers',
    breaks: 'B5',
    why: 'ids and addresses are told to who does not know the secret',
    test: 'pages-budget',
    edits: [
      {
        file: 'viewservice/pages/pages.ts',
        find: 'unready === null || isOpen ? unready',
        replace: 'unready === null || isOpen || !isOpen ? unready',
      },
    ],
  },
  {
    name: 'pages also where the peers are',
    breaks: 'B5',
    why: '--admin-listen keeps nothing away from the port that pings go through',
    test: 'pages-budget',
    edits: [
      {
        file: 'wire/serving/http.ts',
        find: 'if (pagesAt !== null && !route?.probe)',
        replace: "if (pagesAt === '')",
      },
    ],
  },
  {
    name: 'the lock table walked in one turn',
    breaks: 'B5',
    why: 'one page of a million locks takes longer than the ping limit',
    test: 'pages-budget',
    edits: [
      {
        file: 'lockserver/pages/table-page.ts',
        find: '++seen % locksPerTurn === 0',
        replace: '++seen % locksPerTurn === -1',
      },
    ],
  },
  {
    name: 'why follows a session for each of its holds',
    breaks: 'B5',
    why: 'thousands of holds times thousands of waits of one session are walked for one page',
    test: 'pages-budget',
    edits: [
      { file: 'lockserver/pages/why-page.ts', find: 'if (followed.has(hold.session)) continue', replace: '' },
    ],
  },
  {
    name: 'a shortage is final',
    breaks: 'B6',
    why: 'a view server without a free file for a moment ends, and with the next death the service',
    test: 'view-reserve',
    edits: [
      {
        file: 'viewservice/shortage.ts',
        find: 'if (lack === undefined) throw error',
        replace: 'if (lack !== null) throw error',
      },
    ],
  },
  {
    name: 'the check at the start opens a file, and no more',
    breaks: 'B6',
    why: 'that the disk takes no record is found out at the first death',
    test: 'view-reserve',
    edits: [{ file: 'viewservice/reserve.ts', find: 'try { this.bringIn(text, path)', replace: 'try {' }],
  },
  {
    name: 'nothing held ready for the next record',
    breaks: 'B6',
    why: 'a failover needs a new file just when there is none',
    test: 'view-reserve',
    edits: [
      {
        file: 'viewservice/reserve.ts',
        find: 'while (this.#spares.length < sparesMax)',
        replace: 'while (this.#spares.length < 0)',
      },
    ],
  },
  {
    name: 'a record whose folder was not synced taken for that of another',
    breaks: 'B6, V6',
    why: 'the view server ends, though it only had to try again',
    test: 'view-reserve',
    edits: [
      {
        file: 'viewservice/reserve.ts',
        find: 'if (this.#linked?.path !== path || this.#linked.text !== text) this.#link(text, path)',
        replace: 'this.#link(text, path)',
      },
    ],
  },
  {
    name: 'a claimed pid is killed',
    breaks: 'B8',
    why: 'whoever may say hello ends any process of the user who runs the cluster',
    test: 'processes/signals',
    edits: [
      {
        file: 'viewservice/pages/play.ts',
        find: "if (typeof play === 'function') await play(deed, { address, pid })",
        replace: "if (typeof play === 'function') process.kill(pid, 'SIGKILL')",
      },
    ],
  },
  {
    name: 'any page may end a server',
    breaks: 'B8',
    why: 'a web page makes a browser on the machine end its servers',
    test: 'processes/signals',
    edits: [
      {
        file: 'wire/serving/http.ts',
        find: 'return origin !== undefined || site !== undefined',
        replace: "return origin === 'none'",
      },
    ],
  },
  {
    name: 'a server ends for an id that is not its own',
    breaks: 'B8',
    why: 'a request for one that is gone ends the one that has taken its place',
    test: 'processes/signals',
    edits: [
      {
        file: 'lockserver/pages/pages.ts',
        find: "end: () => void): Page { if (query.get('id') !== own)",
        replace: "end: () => void): Page { if (!query.has('id'))",
      },
    ],
  },
  {
    name: 'the live picture kills by a claimed pid',
    breaks: 'B8',
    why: 'p kills another server of the cluster than the one that is primary',
    test: 'cli-live',
    edits: [
      {
        file: 'cli/live-keys.ts',
        find: 'if (scene.pids.get(server.address) !== server.pid)',
        replace: 'if (scene.pids.size < 0)',
      },
    ],
  },
  {
    name: 'tokens believed of any server',
    breaks: 'L2',
    why: 'one ping of an idle server uses the tokens up: no reset is possible any more',
    test: 'view-record',
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'if (server.counts && own !== undefined) this.#believe(own, ping)',
        replace: 'if (server.counts) this.#believe(own ?? (this.#groups[0] as ViewGroup), ping)',
      },
    ],
  },
  {
    name: 'tokens believed however large',
    breaks: 'L2',
    why: 'one ping in the name of the primary uses the tokens up: no reset is possible any more',
    test: 'view-record',
    edits: [{ file: 'viewservice/group.ts', find: 'Math.min(token, known + tokenLagMax)', replace: 'token' }],
  },
]

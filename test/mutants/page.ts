// Planted bugs of what operators see and press: the history of the dashboard, its file, and its buttons.

import type { Mutant } from './mutant.ts'

export const page: readonly Mutant[] = [
  {
    name: 'the history of an hour grows for ever',
    breaks: 'B4',
    why: 'a view server that runs for months runs out of memory',
    test: 'page-history',
    edits: [
      {
        file: 'viewservice/trend.ts',
        find: 'return points.filter(({ at }) => at <= now && at > now - trendMs).slice(-trendPointsMax)',
        replace: 'return points.filter(({ at }) => at <= now)',
      },
    ],
  },
  {
    name: 'operations of another primary are compared',
    breaks: 'F1',
    why: 'after each failover the chart shows a rate that never was',
    test: 'page-history',
    edits: [
      {
        file: 'viewservice/trend.ts',
        find: 'if (reading.of !== now.of || now.operations',
        replace: 'if (now.operations',
      },
    ],
  },
  {
    name: 'a history of another format is believed',
    breaks: 'B6',
    why: 'after a downgrade the page shows what a later version meant otherwise',
    test: 'page-history',
    edits: [
      { file: 'viewservice/past.ts', find: 'if (said.format !== format)', replace: 'if (said.format === 0)' },
    ],
  },
  {
    name: 'the file of the history is written through a link',
    breaks: 'B6',
    why: 'whoever may write into the folder has the server overwrite any file of its user',
    test: 'page-history',
    edits: [{ file: 'viewservice/pages/past-file.ts', find: ' | O_NOFOLLOW, 0o600', replace: ', 0o600' }],
  },
  {
    name: "a server's proof opens every page",
    breaks: 'A1',
    why: 'the names of all locks are read by what was made for servers',
    test: 'rights',
    edits: [
      {
        file: 'wire/serving/http.ts',
        find: 'return route.forServers && this.#isServer(request)',
        replace: 'return this.#isServer(request)',
      },
    ],
  },
  {
    name: 'a deadlock is shown to whoever may read one of its locks',
    breaks: 'A2',
    why: 'names that its user may not read are on the page',
    test: 'deadlocks',
    edits: [
      {
        file: 'lockserver/pages/deadlocks.ts',
        find: 'circle => circle.every(mayRead)',
        replace: 'circle => circle.some(mayRead)',
      },
    ],
  },
  {
    name: 'a chain of waits counts as a circle',
    breaks: 'F11',
    why: 'an operator ends a hold that would have been given back by itself',
    test: 'deadlocks',
    edits: [
      {
        file: 'lockserver/pages/deadlocks.ts',
        find: 'this.#placeOf.delete(here.session)',
        replace: 'this.#left -= 0',
      },
    ],
  },
  {
    name: 'a primary without a backup is relieved from the page',
    breaks: 'F14',
    why: 'one press of a button loses all locks',
    test: 'page-acts',
    edits: [
      {
        file: 'viewservice/pages/acts.ts',
        find: "if (role === 'primary' && survives === 0)",
        replace: "if (role === 'primary' && survives < 0)",
      },
    ],
  },
  {
    name: 'a forced release from the page forgets the token',
    breaks: 'C8',
    why: 'a healthy successor loses the lock in place of the one that was shown',
    test: 'page-acts',
    edits: [
      {
        file: 'cli/page-acts.ts',
        find: '{ token, timeout: withinMs })',
        replace: '{ timeout: token > 0 ? withinMs : token })',
      },
    ],
  },
  {
    name: 'a history that is there is not read',
    breaks: 'B6',
    why: 'after a restart whoever is called by an alarm sees an empty page',
    test: 'page-history',
    edits: [
      {
        file: 'viewservice/pages/chronicle.ts',
        find: 'if (text === null) return',
        replace: 'if (text === null || text.length > 0) return',
      },
    ],
  },
  {
    name: 'a history that is not kept goes unsaid',
    breaks: 'B6',
    why: 'an operator learns at the next alarm that there is none',
    test: 'page-history',
    edits: [
      {
        file: 'viewservice/pages/chronicle.ts',
        find: '} catch (error) { lacking(',
        replace: '} catch (error) { void (',
      },
    ],
  },
  {
    name: 'a hold that was not ended counts as ended',
    breaks: 'C8',
    why: 'an operator believes that the lock is free',
    test: 'page-acts',
    edits: [
      {
        file: 'viewservice/pages/acts.ts',
        find: 'if (count > 0) return { status: 200',
        replace: 'if (count >= 0) return { status: 200',
      },
    ],
  },
  {
    name: 'a time in the history may be anything',
    breaks: 'B6',
    why: 'one spoilt byte in a file for display makes the page fail for ever',
    test: 'page-history',
    edits: [{ file: 'viewservice/past.ts', find: 'isCount(madeAt) &&', replace: 'madeAt !== null &&' }],
  },
]

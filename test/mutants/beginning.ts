// Planted bugs of how a cluster begins (E6): by an act of its own, once, and never beside an older one.

import type { Mutant } from './mutant.ts'

export const beginning: readonly Mutant[] = [
  {
    name: 'view 1 made without listening',
    breaks: 'E6',
    why: 'a new cluster has a primary before the servers of an older one could say that they are there',
    test: 'view-record',
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'if (pauseMs > 0 && this.#ticks < this.#options.deadPings) return null',
        replace: '',
      },
    ],
  },
  {
    name: 'no pause after init-if-none',
    breaks: 'E6',
    why: 'a lock is granted that a client of the older cluster still believes in',
    test: 'seats',
    edits: [{ file: 'viewservice/founding.ts', find: 'nobodyHasRun ? 0 : longest', replace: '0' }],
  },
  {
    name: 'a reset cuts the pause of a new cluster short',
    breaks: 'E6',
    why: 'the new state waits only for leases of its own cluster',
    test: 'view-record',
    edits: [
      {
        file: 'viewservice/record.ts',
        find: 'longestTtlMs: Math.max(ttlMsDefault, pauseMs)',
        replace: 'longestTtlMs: ttlMsDefault',
      },
    ],
  },
  {
    name: 'init over an existing record',
    breaks: 'E6',
    why: 'the view server forgets the cluster that it has',
    test: 'init',
    edits: [
      {
        file: 'viewservice/init.ts',
        find: 'if (held !== null) throw',
        replace: 'if (held !== null && held.record.record < 0) throw',
      },
      {
        file: 'viewservice/init.ts',
        find: 'await store.save(founding, null)',
        replace: 'await store.save({ ...founding, record: 1 + (held?.record.record ?? 0) }, held)',
      },
    ],
  },
  {
    name: 'a server of another cluster stops no new one',
    breaks: 'E6',
    why: 'after an init in the place of a lost record there are two clusters',
    test: 'view-record',
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'this.#isNew && knowsCluster(hello) ? this.#stop(hello, cluster) : stranger',
        replace: 'stranger',
      },
    ],
  },
  {
    name: 'view 1 of a stopped cluster is told',
    breaks: 'E6',
    why: 'clients come to a primary of a cluster that goes no further',
    test: 'view-record',
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'if (this.#isNew && this.#halted !== null) return { view: null, acked: false }',
        replace: '',
      },
    ],
  },
  {
    name: 'a standby turns away what would stop a new cluster',
    breaks: 'E6',
    why: 'the server of the older cluster comes too early to be heard',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/standby.ts',
        find: "const mayStop = from.kind === 'lockserver' && this.#record === null",
        replace: 'const mayStop = false',
      },
    ],
  },
  {
    name: 'a view server begins a cluster by itself',
    breaks: 'E6',
    why: 'a lost folder becomes a new, empty cluster',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: 'if (founding !== null) this.#keeping.save(founding)',
        replace:
          "if (founding !== null || this.#candidacy.number > 0) this.#keeping.save(founding ?? { record: 1, cluster: this.#options.id, durability: 'memory', pauseMs: 0, groups: 1, ttlMaxMs: 60_000, wire: 2, format: 4, nonce: 'x' })",
      },
    ],
  },
  {
    name: 'advice that leaves out the TLS of a store',
    breaks: 'E6',
    why: 'who follows it begins a cluster elsewhere, or sends a password in clear text',
    test: 'init',
    edits: [{ file: 'viewservice/stores/place.ts', find: "'etcds' : 'etcd'", replace: "'etcd' : 'etcd'" }],
  },
  {
    name: 'a view server takes a durability that it does not use',
    breaks: 'E6',
    why: 'an operator believes that the cluster is on disk',
    test: 'init',
    edits: [
      {
        file: 'viewservice/options.ts',
        find: 'if (options[name] !== undefined)',
        replace: 'if (options[name] === null)',
      },
    ],
  },
  {
    name: 'a cluster that is to begin unattended does not',
    breaks: 'E6',
    why: 'a container system waits for an operator that it does not have',
    test: 'init',
    edits: [
      { file: 'viewservice/running.ts', find: 'founding: founding ?? null', replace: 'founding: null' },
    ],
  },
  {
    name: 'a record that appears is not seen',
    breaks: 'E6',
    why: 'after init or adopt the view server must be started again',
    test: 'seats',
    edits: [
      {
        file: 'viewservice/seat.ts',
        find: 'if (decides || now < this.#rereadAt) return',
        replace: 'if (decides || this.#isEmpty || now < this.#rereadAt) return',
      },
    ],
  },
  {
    name: 'adopt with a silent primary',
    breaks: 'E7',
    why: 'the primary has gone on with another backup, and the old one is promoted beside it',
    test: 'adoption',
    edits: [
      {
        file: 'viewservice/adoption.ts',
        find: 'if (isOpen) return []',
        replace: 'if (isOpen || primary === undefined) return []',
      },
    ],
  },
  {
    name: 'adopt of a latched primary alone',
    breaks: 'E7',
    why: 'its backup was promoted, and serves',
    test: 'adoption',
    edits: [{ file: 'viewservice/adoption.ts', find: ' || !primary.latched)', replace: ' || true)' }],
  },
  {
    name: 'adopt writes over a record that is in force',
    breaks: 'E7',
    why: 'a view is made twice',
    test: 'adoption',
    edits: [
      {
        file: 'viewservice/adoption.ts',
        find: 'if (active !== undefined)',
        replace: 'if (active !== undefined && told.length < 0)',
      },
      {
        file: 'viewservice/adopt.ts',
        find: 'ahead.some(more => more < 0)',
        replace: 'ahead.some(more => more <= 0)',
      },
    ],
  },
  {
    name: 'a halted view server does not take what adopt has rebuilt',
    breaks: 'E7',
    why: 'the cluster stays without views after all was done right',
    test: 'adoption',
    edits: [
      {
        file: 'viewservice/keeping.ts',
        find: 'if (isFounding(known.record)) return true',
        replace: 'if (isFounding(known.record)) return false',
      },
    ],
  },
  {
    name: 'a ttl above the longest of the cluster is cut',
    breaks: 'E6',
    why: 'a program that plans for pauses of two minutes loses its locks after one, and no one has told it',
    test: 'rules-sessions',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: 'ttlMs >= this.#smallestTtlMs && ttlMs <= this.#situation.ttlMaxMs',
        replace: 'ttlMs >= this.#smallestTtlMs',
      },
    ],
  },
  {
    name: 'adopt with a silent primary, by its backup alone',
    breaks: 'E7',
    why: 'the primary goes on with the next backup, and the last one is promoted beside it',
    test: 'adoption',
    edits: [
      {
        file: 'viewservice/adoption.ts',
        find: 'if (isOpen) return []',
        replace:
          'if (isOpen || (primary === undefined && told.some(({ role }) => role === "backup"))) return []',
      },
    ],
  },
  {
    name: 'adopt with a silent backup of a latched primary',
    breaks: 'E7',
    why: 'the backup was promoted, and has answered more since',
    test: 'adoption',
    edits: [
      { file: 'viewservice/adoption.ts', find: ' || !primary.latched)', replace: ' || primary.acked)' },
    ],
  },
  {
    name: 'adopt while a view server is still connected',
    breaks: 'E7',
    why: 'what it said last is still on its way, and a view is in force twice',
    test: 'adoption-search',
    edits: [
      {
        file: 'viewservice/adoption.ts',
        find: 'const active = told.find(each => each.viewServer !== null)',
        replace: 'const active = told.find(each => each.viewServer === each.id)',
      },
    ],
  },
]

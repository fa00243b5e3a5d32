// Planted bugs of the view record in etcd: what is compared, and what is certain about a request that failed.
// Only a real etcd shows them (npm run test:record).

import type { Mutant } from './mutant.ts'

export const etcd: readonly Mutant[] = [
  {
    name: 'a save takes any record for the one it has read',
    breaks: 'E1',
    why: 'two view servers save after one another, and each thinks that it alone decides',
    test: 'record/contract',
    edits: [
      {
        file: 'viewservice/stores/etcd.ts',
        find: 'const body = { compare: this.#comparing(expected), success',
        replace: 'const body = { compare: [] as object[], success',
      },
    ],
  },
  {
    name: 'a save that may have been done is tried elsewhere',
    breaks: 'E2',
    why: 'the second try finds the record of the first, and takes it for that of another view server',
    test: 'record/contract',
    edits: [
      {
        file: 'viewservice/stores/gateway.ts',
        find: "error => error.failing === 'not reached'",
        replace: "error => error.failing !== 'refused'",
      },
    ],
  },
  {
    name: 'what took too long was not done',
    breaks: 'E2',
    why: 'a save whose answer is late counts as never asked, though etcd has done it',
    test: 'record/contract',
    edits: [
      {
        file: 'viewservice/stores/gateway.ts',
        find: "throw new StoreError('unknown', `etcd: ${troubles",
        replace: "throw new StoreError('away', `etcd: ${troubles",
      },
    ],
  },
  {
    name: 'a token that has run out stays',
    breaks: 'E1',
    why: 'five minutes after its start a view server with a password can save nothing more',
    test: 'record/contract',
    edits: [
      {
        file: 'viewservice/stores/gateway.ts',
        find: 'if (!expired || this.#options.user === null) throw error this.#token = null',
        replace: 'if (!expired || this.#options.user === null) throw error',
      },
    ],
  },
  {
    name: 'an active mark replaces any other in etcd',
    breaks: 'E3',
    why: 'two view servers are active at the same time',
    test: 'record/contract',
    edits: [
      {
        file: 'viewservice/stores/etcd-marks.ts',
        find: 'compare: [this.#comparing(instead)],',
        replace: 'compare: [] as object[],',
      },
    ],
  },
  {
    name: 'a mark in etcd stands for ever',
    breaks: 'E3',
    why: 'no standby ever takes over from an active view server that is dead',
    test: 'record/contract',
    edits: [
      {
        file: 'viewservice/stores/etcd-marks.ts',
        find: 'const put = { key: this.#key, value, lease }',
        replace: 'const put = { key: this.#key, value }',
      },
    ],
  },
]

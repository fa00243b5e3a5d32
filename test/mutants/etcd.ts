// Planted bugs of the view record in etcd: what is compared, and what is certain about a request that failed.
// A stand-in shows them (test/etcd-store.ts); that the real one answers as it does, `npm run test:record`.

import type { Mutant } from './mutant.ts'

export const etcd: readonly Mutant[] = [
  {
    name: 'a save takes any record for the one it has read',
    breaks: 'E1',
    why: 'two view servers save after one another, and each thinks that it alone decides',
    test: ['etcd-store', 'record/contract'],
    edits: [
      {
        file: 'viewservice/stores/etcd.ts',
        find: 'compare: unchanged(this.#key, expected?.version ?? null), success',
        replace: 'compare: [] as object[], success',
      },
    ],
  },
  {
    name: 'a save that may have been done is tried elsewhere',
    breaks: 'E2',
    why: 'the second try finds the record of the first, and takes it for that of another view server',
    test: ['etcd-store', 'record/contract'],
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
    test: ['etcd-store', 'record/contract'],
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
    test: ['etcd-store', 'record/contract'],
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
    test: ['etcd-store', 'record/contract'],
    edits: [
      {
        file: 'viewservice/stores/etcd-marks.ts',
        find: 'compare: unchanged(this.#key, instead?.version ?? null),',
        replace: 'compare: [] as object[],',
      },
    ],
  },
  {
    name: 'a mark in etcd stands for ever',
    breaks: 'E3',
    why: 'no standby ever takes over from an active view server that is dead',
    test: ['etcd-store', 'record/contract'],
    edits: [
      {
        file: 'viewservice/stores/etcd-marks.ts',
        find: 'const put = { key: this.#key, value: coded(text), lease }',
        replace: 'const put = { key: this.#key, value: coded(text) }',
      },
    ],
  },
  {
    name: 'a save or a mark in etcd compares the revision only',
    breaks: 'E1, E3',
    why: 'an etcd that was put back from a backup counts its revisions anew, and takes a save that follows what it lost',
    test: 'etcd-store',
    edits: [
      {
        file: 'viewservice/stores/etcd-version.ts',
        find: "{ key, target: 'VALUE', result: 'EQUAL', value: coded(version.slice(end + 1)) },",
        replace: "...(end < 0 ? [{ key, target: 'VALUE', value: coded(version) }] : []),",
      },
    ],
  },
  {
    name: 'a read asks one endpoint only',
    breaks: 'E1',
    why: 'one etcd node that hangs stops all views, though the others would answer',
    test: ['etcd-store', 'record/contract'],
    edits: [
      {
        file: 'viewservice/stores/gateway.ts',
        find: 'return this.#eachEndpoint(path, body, () => true)',
        replace: "return this.#eachEndpoint(path, body, error => error.failing === 'not reached')",
      },
    ],
  },
  {
    name: 'an answer that is no JSON means that nothing was done',
    breaks: 'E2',
    why: 'a proxy that fails after it has passed a save on makes the view server save it twice',
    test: ['etcd-store', 'record/contract'],
    edits: [
      {
        file: 'viewservice/stores/gateway.ts',
        find: "throw new RequestError('asked', `the answer is not JSON",
        replace: "throw new RequestError('not reached', `the answer is not JSON",
      },
    ],
  },
  {
    name: 'a mark in etcd is removed whoever has set it',
    breaks: 'E3',
    why: 'one that steps down late ends the mark of its successor',
    test: ['etcd-store', 'record/contract'],
    edits: [
      {
        file: 'viewservice/stores/etcd-marks.ts',
        find: 'const compare = unchanged(this.#key, mark.version)',
        replace: 'const compare: object[] = []',
      },
    ],
  },
  {
    name: 'a mark in etcd that is given up ends the next one',
    breaks: 'E3',
    why: 'a view server that steps down and is active again at once loses its new mark',
    test: 'etcd-store',
    edits: [
      {
        file: 'viewservice/stores/etcd-marks.ts',
        find: 'if (lease !== null) await this.#revoke(lease)',
        replace: 'if (lease !== null && this.#lease !== null) await this.#revoke(this.#lease)',
      },
    ],
  },
  {
    name: 'a lease that lives confirms any mark',
    breaks: 'E3',
    why: 'one whose mark was replaced goes on as if it were active',
    test: ['etcd-store', 'record/contract'],
    edits: [
      {
        file: 'viewservice/stores/etcd-marks.ts',
        find: "ttl === '0' || found?.version !== mark.version",
        replace: "ttl === '0' || found === null",
      },
    ],
  },
  {
    name: 'a lease of etcd that has ended confirms its mark',
    breaks: 'E3',
    why: 'the mark counts as confirmed for its whole lifetime though etcd is about to end it',
    test: 'etcd-store',
    edits: [
      {
        file: 'viewservice/stores/etcd-marks.ts',
        find: "if (ttl === undefined || ttl === '0' || found",
        replace: "if (ttl === '0' || found",
      },
    ],
  },
]

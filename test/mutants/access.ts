// Planted bugs in who may do what (A1 to A4, A8, F21): rights that are not looked at, or not where and when they count.

import type { Mutant } from './mutant.ts'

const guard = 'wire/net/guard.ts'

export const access: readonly Mutant[] = [
  {
    name: 'rights are not looked at by request',
    breaks: 'F21, A2',
    why: 'who may come in may do all',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/verbs.ts',
        find: 'return lock === undefined ? undefined : { verb, lock }',
        replace: 'return lock !== undefined ? undefined : undefined',
      },
    ],
  },
  {
    name: 'a right is looked at only when the connection begins',
    breaks: 'A2, A3',
    why: 'who had a right once has it for as long as the connection lasts',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'lockserver/reception.ts',
        find: 'client.principal = principal\n      return this.#roles.primary?.rightsChanged(client)',
        replace: 'return this.#roles.primary?.rightsChanged(client)',
      },
    ],
  },
  {
    name: 'of several names the right to one is enough',
    breaks: 'A2',
    why: 'who adds a name of its own takes any other with it',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/verbs.ts',
        find: 'locks.find(each => !allows(principal, verb, each))',
        replace: 'locks.slice(0, 1).find(each => !allows(principal, verb, each))',
      },
    ],
  },
  {
    name: 'a steal needs no more than an acquire',
    breaks: 'A2',
    why: 'who may wait for a lock takes it from others',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/verbs.ts',
        find: "return manner === 'steal' ? 'steal' : 'acquire'",
        replace: "return manner === 'steal' ? 'read' : 'acquire'",
      },
    ],
  },
  {
    name: 'a refusal for a right is no operation',
    breaks: 'S1, A2',
    why: 'the next number is not known to be next, and a repeat may be done',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/numbered.ts',
        find: "this.#proposals.propose(['deny', session.ordinal, number, denied.verb, denied.lock]) }",
        replace:
          "this.#audience.answer(client, ['refused', number, 'NOT_ALLOWED', denied.verb + session.id])\n  }",
      },
    ],
  },
  {
    name: "a resume with another's token",
    breaks: 'A4',
    why: 'a session key that was overheard is enough to take the session over',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: 'session !== undefined && isSamePrincipal(owner, session.owner?.name ?? null)',
        replace:
          "session !== undefined && (isSamePrincipal(owner, session.owner?.name ?? null) || owner !== '')",
      },
    ],
  },
  {
    name: 'a query shows what may not be read',
    breaks: 'F21, A2',
    why: 'names of locks and of clients are told to all who have a token',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/walk.ts',
        find: '(only === null || startsWithAny(name, only))',
        replace: "(only === null || startsWithAny(name, ['']))",
      },
    ],
  },
  {
    name: 'a watch tells what may not be read',
    breaks: 'F21, A2',
    why: 'who watches everything hears of everything',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/watches.ts',
        find: "return client.principal === null || allows(client.principal, 'read', name)",
        replace: "return client.principal === null || allows(null, 'read', name)",
      },
    ],
  },
  {
    name: 'one list for all principals',
    breaks: 'F21, A2',
    why: 'who asks right after another gets the list that was made for the other',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/listings.ts',
        find: 'if (a === null || b === null) return a === b',
        replace: 'if (a === null || b === null || a !== b) return true',
      },
    ],
  },
  {
    name: 'a cancel tells who has the lock',
    breaks: 'A2',
    why: 'who may wait but not read learns who works on what',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/audience.ts',
        find: "return this.#out.send(connection, ['cancel-done', message[1], message[2], null])",
        replace: 'return this.#out.send(connection, message)',
      },
    ],
  },
  {
    name: 'revoked but renewed',
    breaks: 'A3',
    why: 'a token that was taken away is good for as long as its connection lasts',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'wire/net/connections.ts',
        find: "if (now === undefined) this.#tokenEnded(connection, 'was taken away')",
        replace: 'if (now === undefined) continue',
      },
    ],
  },
  {
    name: 'what a revoked session waits for stays',
    breaks: 'A3',
    why: 'it is granted, and kept from others until its lease is over',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'lockserver/revocations.ts',
        find: 'this.#add(session, null)',
        replace: '',
      },
    ],
  },
  {
    name: 'a session ends with its connection when its token does',
    breaks: 'A3',
    why: 'who holds its locks believes in them for the rest of its lease, and another has them',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'lockserver/client-rights.ts',
        find: "if (this.#options.revokeNow) this.#proposals.propose(['abandon', session.ordinal])",
        replace:
          "if (this.#options.revokeNow || session.ordinal > 0) this.#proposals.propose(['abandon', session.ordinal])",
      },
    ],
  },
  {
    name: "a server's hello with a client's token",
    breaks: 'A1',
    why: 'every program with a token may pose as a server',
    test: 'access',
    edits: [
      {
        file: guard,
        find: "const proven = kind === 'client' ? this.client(proof) : this.#server(proof)",
        replace:
          "const proven = kind === 'client' ? this.client(proof) : (this.#server(proof) ?? this.client(proof))",
      },
    ],
  },
  {
    name: "a client's hello with the servers' secret",
    breaks: 'A1',
    why: 'no rules apply to it',
    test: 'access',
    edits: [
      {
        file: guard,
        find: "const proven = kind === 'client' ? this.client(proof) : this.#server(proof)",
        replace:
          "const proven = kind === 'client' ? (this.client(proof) ?? this.#server(proof)) : this.#server(proof)",
      },
    ],
  },
  {
    name: 'pages need no right',
    breaks: 'F21, A2',
    why: 'every token shows metrics, and ends servers',
    test: 'rights',
    edits: [
      {
        file: 'wire/serving/http.ts',
        find: 'route.needs === undefined ? looks(principal) : allows(principal, route.needs, null)',
        replace: 'route.needs === undefined ? looks(principal) : allows(null, route.needs, null)',
      },
    ],
  },
  {
    name: 'whoever connects to a view server resets it',
    breaks: 'F21, A2',
    why: 'all locks of all programs are gone',
    test: 'rights',
    edits: [
      {
        file: 'viewservice/rights.ts',
        find: "if (allows(principal, 'operate', null)) return null",
        replace: "if (allows(principal, 'operate', null) || number > 0) return null",
      },
    ],
  },
  {
    name: 'a query of a part names what lies beside it',
    breaks: 'A2',
    why: 'who asks for a prefix is shown names below others that it may read, and the answer is not of that prefix',
    test: 'access',
    edits: [
      {
        file: 'wire/access/principal.ts',
        find: 'return principal.locks.read.filter(each => each.startsWith(prefix))',
        replace: 'return principal.locks.read',
      },
    ],
  },
  {
    name: 'a token may be of two principals',
    breaks: 'A3',
    why: 'which of the two its bearer is depends on the order of the file',
    test: 'access',
    edits: [
      {
        file: 'wire/access/table.ts',
        find: 'if (other !== undefined) throw of.wrong',
        replace: 'if (other === principal) throw of.wrong',
      },
    ],
  },
  {
    name: 'any verb may stand in any rule',
    breaks: 'A2',
    why: 'a rule that gives all locks to read gives the cluster to operate, unseen',
    test: 'access',
    edits: [
      {
        file: 'wire/access/rules.ts',
        find: 'if (known.includes(verb)) return verb',
        replace: 'if (known.length > 0) return verb',
      },
    ],
  },
  {
    name: 'a message shows the token that stands in place of its hash',
    breaks: 'A3',
    why: 'a token stands in the log of each server',
    test: 'access',
    edits: [
      {
        file: 'wire/access/table.ts',
        find: "throw place.wrong('must be the SHA-256 of a token in 64 hexadecimal digits; holdfast token makes both')",
        replace: 'throw place.wrong("must be the SHA-256 of a token, not " + show(place.value))',
      },
    ],
  },
  {
    name: 'a spoilt access file takes all rights away',
    breaks: 'A3',
    why: 'a slip of the pen stops every program of the company',
    test: 'revocation',
    edits: [
      {
        file: 'wire/serving/access-file.ts',
        find: 'this.#tell(problemOf(this.#path, error))',
        replace:
          'this.#tell(problemOf(this.#path, error))\n      this.#owner?.changed({ principals: new Map(), byHash: new Map(), roles: new Map(), issuers: new Map() })',
      },
    ],
  },
  {
    name: 'an access file is read when it has not changed',
    breaks: 'A3',
    why: 'a token that was taken away is good until the server starts again',
    test: 'revocation',
    edits: [
      {
        file: 'wire/serving/access-file.ts',
        find: 'if (mark === this.#mark) return',
        replace: 'if (mark !== this.#mark) return',
      },
    ],
  },
  {
    name: 'a short secret is good enough beyond loopback',
    breaks: 'A6',
    why: 'it is guessed in an afternoon',
    test: 'revocation',
    edits: [
      {
        file: 'wire/serving/server-access.ts',
        find: 'if (isFar) checkLengths(checked)',
        replace: 'if (!isFar) checkLengths(checked)',
      },
    ],
  },
  {
    name: 'the guard keeps the rules that it began with',
    breaks: 'A3',
    why: 'what the file says later changes nothing for whoever comes',
    test: 'revocation',
    edits: [
      {
        file: 'wire/serving/server-access.ts',
        find: 'this.guard.change(table)',
        replace: 'void table',
      },
    ],
  },
  {
    name: 'any client is told what a server could testify',
    breaks: 'A2, E7',
    why: 'who may read no lock sees views, imprints, addresses and the largest token',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/reception.ts',
        find: "const may = allows(principal, 'operate', null)",
        replace: "const may = principal === null || allows(principal, 'operate', null) || number > 0",
      },
    ],
  },
  {
    name: 'a session without a connection keeps what it waits for',
    breaks: 'A3',
    why: 'who cuts its connection before its token is taken away stays in every queue',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: 'this.#primary?.survey(standing)',
        replace: '',
      },
    ],
  },
  {
    name: 'a new primary looks at no right of the sessions that it takes over',
    breaks: 'A3',
    why: 'a death at the right moment gives what was taken away back',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: 'if (this.#standing !== null) this.#primary.survey(this.#standing)',
        replace: '',
      },
    ],
  },
  {
    name: 'revoke-now spares who is away',
    breaks: 'A3',
    why: 'what was taken away at once is held for as long as its lease lasts',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'lockserver/revocations.ts',
        find: "if (ends === 'now') this.#ended.push(session)",
        replace: "if (ends === 'now') return",
      },
    ],
  },
  {
    name: 'a token that is given back comes too late for who is away',
    breaks: 'A3',
    why: 'a slip of the pen that is mended at once still costs every wait',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'lockserver/revocations.ts',
        find: 'if (this.#away.get(session)?.byFile) this.#away.delete(session)',
        replace: '',
      },
    ],
  },
  {
    name: 'a server that refused a token is never dialled again',
    breaks: 'A3',
    why: 'a client that connects while the file is being changed hangs for as long as it may',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'client/session/route.ts',
        find: "return refusal !== null && refusal.code !== 'WRONG_TOKEN'",
        replace: 'return refusal !== null',
      },
    ],
  },
  {
    name: 'a run is taken whole, whatever its principal may',
    breaks: 'F21, A2',
    why: 'who asks for two locks at once gets what it may not have',
    test: 'rights',
    edits: [
      {
        file: 'lockserver/run-requests.ts',
        find: "if (principal === null || run[0] === 'release-run') return true",
        replace:
          "if (principal === null || run[0] === 'release-run' || run[0] === 'acquire-run') return true",
      },
    ],
  },
]

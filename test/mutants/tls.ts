// Planted bugs of TLS (A5): who is taken for a server, what becomes of new files, and what a handshake may cost. Nothing of this
// is simulated; for each, the test that does see it.

import type { Mutant } from './mutant.ts'

export const tls: readonly Mutant[] = [
  {
    name: 'any certificate makes a server',
    breaks: 'A5',
    why: 'whoever signs one for himself is given the whole state as a backup',
    test: 'tls',
    edits: [
      {
        file: 'wire/net/tls/said.ts',
        find: 'return socket.authorized ? null :',
        replace: 'return socket.encrypted ? null :',
      },
    ],
  },
  {
    name: 'a session without a certificate is resumed as a proven one',
    breaks: 'A5',
    why: 'Node says of it that it is authorized',
    test: 'tls',
    edits: [
      {
        file: 'wire/net/tls/server-tls.ts',
        find: 'secureOptions: constants.SSL_OP_NO_TICKET,',
        replace: 'secureOptions: constants.SSL_OP_ALL,',
      },
    ],
  },
  {
    name: 'no certificate is asked of a probe',
    breaks: 'A5',
    why: 'the secret alone makes a server',
    test: 'tls',
    edits: [
      {
        file: 'wire/net/hello.ts',
        find: "if (from.kind !== 'client') this.#checkServer()",
        replace: "if (from.kind === 'lockserver') this.#checkServer()",
      },
    ],
  },
  {
    name: 'a handshake takes as long as it likes',
    breaks: 'A5, B3',
    why: 'strangers keep all places of strangers with a few bytes each',
    test: 'tls',
    edits: [
      {
        file: 'wire/net/tls/front.ts',
        find: 'const timer = setTimeout(() => this.#late(socket, knock), withinMs).unref()',
        replace: 'const timer = setTimeout(() => this.#late(socket, knock), 1_000 * withinMs).unref()',
      },
    ],
  },
  {
    name: 'a key of another certificate is taken',
    breaks: 'A5',
    why: 'a server that reads one file of two ends, or answers no one',
    test: 'tls',
    edits: [
      {
        file: 'wire/net/tls/material.ts',
        find: 'if (!leaf.checkPrivateKey(own))',
        replace: 'if (leaf.ca && !leaf.checkPrivateKey(own))',
      },
      {
        file: 'wire/net/tls/server-tls.ts',
        find: 'this.spoilt = true',
        replace: 'this.spoilt = false',
      },
    ],
  },
  {
    name: 'new files are read, and not used',
    breaks: 'A5',
    why: 'the certificate ends although it was renewed in time',
    test: 'tls',
    edits: [
      {
        file: 'wire/net/tls/front.ts',
        find: 'options.tls.onTaken(now => server.setSecureContext(now))',
        replace: 'options.tls.onTaken(() => {})',
      },
    ],
  },
  {
    name: 'TLS of any age',
    breaks: 'A5',
    why: 'what was broken long ago is spoken again',
    test: 'tls',
    edits: [
      { file: 'wire/net/tls/server-tls.ts', find: "minVersion: 'TLSv1.2'", replace: "minVersion: 'TLSv1'" },
    ],
  },
  {
    name: 'plain HTTP at a port of TLS hangs up without a word',
    breaks: 'A5',
    why: 'no user knows that the address should begin with wss://',
    test: 'tls',
    edits: [{ file: 'wire/net/tls/front.ts', find: 'socket.end(plainAnswer)', replace: 'socket.destroy()' }],
  },
  {
    name: 'a peer that does not take the certificate is not told of',
    breaks: 'A5',
    why: 'an operator sees nothing but clients that do not come',
    test: 'tls',
    edits: [
      {
        file: 'wire/net/tls/listening.ts',
        find: 'if (byPeer && !asked.has(socket)) quiet()',
        replace: 'if (byPeer && asked.has(socket)) quiet()',
      },
    ],
  },
  {
    name: 'a lock server believes whom Node believes',
    breaks: 'A5',
    why: 'with an authority of the cluster it reaches no view server',
    test: 'tls-cluster',
    edits: [
      {
        file: 'lockserver/server.ts',
        find: 'front.dialling(runtime),',
        replace: 'runtime,',
      },
    ],
  },
  {
    name: 'an authority of servers without TLS is taken for a setting',
    breaks: 'A5',
    why: 'an operator believes that servers prove themselves, and none does',
    test: 'tls-cluster',
    edits: [
      {
        file: 'wire/net/tls/options.ts',
        find: 'if (clientCaFile !== null)',
        replace: "if (clientCaFile === '')",
      },
    ],
  },
  {
    name: 'pages of another server are asked for as Node believes',
    breaks: 'A5',
    why: 'the dashboard of a view server shows nothing of the primary',
    test: 'tls-cluster',
    edits: [
      {
        file: 'wire/serving/peer-page.ts',
        find: "...(url.protocol === 'https:' && tls)",
        replace: "...(url.protocol === 'tls:' && tls)",
      },
    ],
  },
  {
    name: 'a dial that was given up is dialled in its turn',
    breaks: 'A5',
    why: 'in a crowd most handshakes are for clients that are gone, and no client comes through',
    test: 'dials-in-turn',
    edits: [
      {
        file: 'wire/net/dials-in-turn.ts',
        find: 'if (at >= 0) waiting.splice(at, 1)',
        replace: '',
      },
    ],
  },
  {
    name: 'a failed handshake makes no room for the next',
    breaks: 'A5',
    why: 'after 64 of them this process dials that address no more',
    test: 'dials-in-turn',
    edits: [
      {
        file: 'wire/net/dials-in-turn.ts',
        find: 'closed: (...why) => {\n        ended()',
        replace: 'closed: (...why) => {',
      },
    ],
  },
  {
    name: 'a server dials others without its certificate',
    breaks: 'A5',
    why: 'no other server takes it for one',
    test: 'tls-cluster',
    edits: [
      {
        file: 'wire/net/tls/material.ts',
        find: 'createSecureContext({ cert, key, ...(ca && { ca }) })',
        replace: 'createSecureContext({ ...(ca && { ca }) })',
      },
    ],
  },
  {
    name: 'of dials that wait the last one goes first',
    breaks: 'S4',
    why: 'in a crowd those whose leases end next come over last',
    test: 'dials-in-turn',
    edits: [
      {
        file: 'wire/net/dials-in-turn.ts',
        find: 'if (hurryAt < (waiting[first] as WaitingSocket).hurryAt) first = at',
        replace: 'if (hurryAt > (waiting[first] as WaitingSocket).hurryAt) first = at',
      },
    ],
  },
  {
    name: 'a dial that waits for its turn is given up as silent',
    breaks: 'A5',
    why: 'a crowd in one process dials again and again, also servers that are no help, and few come over',
    test: 'client-connections',
    edits: [
      {
        file: 'client/session/silence.ts',
        find: 'if (link.waits) return Number.POSITIVE_INFINITY',
        replace: 'if (link.waits) return heardAt + 2 * this.#quietMs',
      },
    ],
  },
  {
    name: 'a handshake begins with its first byte',
    breaks: 'B1',
    why: 'strangers who send the rest of their hellos in one moment stop a server for as long as all their handshakes take',
    test: 'tls',
    edits: [
      {
        file: 'wire/net/tls/front.ts',
        find: "if (hello === 'begun') return false",
        replace: '',
      },
    ],
  },
  {
    name: 'all handshakes under way are read at once',
    breaks: 'B1',
    why: 'strangers who say their last words in one moment stop a server for as long as all their handshakes take',
    test: 'tls',
    edits: [
      {
        file: 'wire/net/tls/shaking.ts',
        find: 'else if (this.#all.size > handshakesReadMax) this.#begin()',
        replace: '',
      },
    ],
  },
  {
    name: 'a stranger chooses how keys are exchanged',
    breaks: 'B3',
    why: 'one hello costs a server tens of ms',
    test: 'tls',
    edits: [{ file: 'wire/net/tls/server-tls.ts', find: "ecdhCurve: 'X25519:P-256',", replace: '' }],
  },
  {
    name: 'a session that holds something has no connection to the backup',
    breaks: 'S4',
    why: 'when its primary dies a crowd takes longer for its handshakes than its leases last',
    test: 'client-connections',
    edits: [
      {
        file: 'client/session/route.ts',
        find: 'if (now.monotonic >= this.#backupDueAt) this.#dialBackup(now, out)',
        replace: 'if (now.monotonic > this.#backupDueAt + 3_600_000) this.#dialBackup(now, out)',
      },
    ],
  },
  {
    name: 'a whole crowd connects to a new backup at once',
    breaks: 'S4',
    why: 'it has no time for anything else, and the primary waits for it',
    test: 'client-connections',
    edits: [
      {
        file: 'client/session/moments.ts',
        find: 'this.#backupAt ??= now.monotonic + chance * this.#spreadMs',
        replace: 'this.#backupAt ??= now.monotonic + chance',
      },
    ],
  },
]

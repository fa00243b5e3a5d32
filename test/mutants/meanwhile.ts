// Planted bugs that only stop or slow things down while a fault lasts: when all is mended, all is well.

import type { Mutant } from './mutant.ts'

const primary = 'lockserver/primary.ts'
const core = 'lockserver/core.ts'
const join = 'lockserver/join.ts'

const mayGoOn = 'return this.#parking.size > 0 && this.#closedAt === null && !this.replication.join.mustPark'
const onceJoined = `${mayGoOn} && (this.#situation.view.backup === null || this.replication.join.latched)`

export const meanwhile: readonly Mutant[] = [
  {
    name: 'a lone primary waits for a backup',
    breaks: 'F2, R1',
    theme: 'meanwhile',
    why: 'no operation is done while no server can be the backup',
    edits: [
      {
        file: join,
        find: "if (phase.is === 'none' || phase.is === 'asked' || phase.is === 'latched') return false",
        replace: `if (phase.is === 'none') return this.#situation.view.backup === null && this.#situation.view.start === null
    if (phase.is === 'asked' || phase.is === 'latched') return false`,
      },
    ],
  },
  {
    name: 'a primary stops while the view server is away',
    breaks: 'F9',
    theme: 'meanwhile',
    why: 'no operation is done until the view server is back',
    edits: [
      {
        file: join,
        find: 'get mustPark(): boolean {',
        replace: 'get mustPark(): boolean { if (!this.#situation.viewServerConnected) return true',
      },
    ],
  },
  {
    name: 'renewals wait for the copy',
    breaks: 'R3',
    theme: 'meanwhile',
    why: 'while a backup joins no lease is renewed',
    edits: [
      {
        file: 'lockserver/session-requests.ts',
        find: "this.#audience.show({ is: 'answer', client, message: ['renewed', number] }, idle)",
        replace: `if (this.#situation.view.backup === null || this.#replication.join.latched)
      this.#audience.show({ is: 'answer', client, message: ['renewed', number] }, idle)`,
      },
    ],
  },
  {
    name: 'opens wait for the joining backup',
    breaks: 'R3',
    theme: 'meanwhile',
    why: 'no client gets a session until the backup has joined',
    edits: [
      {
        file: primary,
        find: 'return !this.#takesNow',
        replace: `if (request[0] === 'open' && this.#situation.view.backup !== null && !this.replication.join.latched) return true
    return !this.#takesNow`,
      },
      { file: primary, find: mayGoOn, replace: onceJoined },
    ],
  },
  {
    name: 'reads wait for the joining backup',
    breaks: 'R3',
    theme: 'meanwhile',
    why: 'no query is answered until the backup has joined',
    edits: [
      {
        file: primary,
        find: "return (request[0] === 'query' || request[0] === 'clients') && client.parked > 0",
        replace: `return request[0] === 'query' && (client.parked > 0 || (this.#situation.view.backup !== null && !this.replication.join.latched))`,
      },
      { file: primary, find: mayGoOn, replace: onceJoined },
    ],
  },
  {
    name: 'a leaving server sends its clients away at once',
    breaks: 'F1',
    theme: 'meanwhile',
    why: 'they find no primary until the next one is made',
    edits: [
      {
        file: core,
        find: 'this.#leaving.begin()',
        replace: `for (const peer of [...this.#peers.values()])
          if (peer.is === 'client') this.#out.close(peer.connection, 'LEAVING', 'this server leaves')
        this.#leaving.begin()`,
      },
    ],
  },
  {
    name: 'a dead backup is kept until another server is idle',
    breaks: 'F2, V7',
    theme: 'meanwhile',
    why: 'the primary waits for its word, though it may go on alone',
    edits: [
      {
        file: 'viewservice/view.ts',
        find: 'return now.primaryHeard ? after(view, view.primary, now.idleInReach) : undefined',
        replace:
          'return now.primaryHeard && now.idleInReach !== null ? after(view, view.primary, now.idleInReach) : undefined',
      },
    ],
  },
  {
    name: 'a client dials ever more rarely',
    breaks: 'F1',
    theme: 'meanwhile',
    why: 'after a longer fault it comes back seconds after the server is there again',
    edits: [
      {
        file: 'client/session/addresses.ts',
        find: 'Math.min(address.failures, 16), redialMsMax)',
        replace: 'Math.min(address.failures, 16), 10 * redialMsMax)',
      },
    ],
  },
]

// Planted bugs of what a program meets: handles, closes, listeners, options of client and servers.

import type { Mutant } from './mutant.ts'

export const program: readonly Mutant[] = [
  {
    name: 'a finishing close waits for all but one',
    breaks: 'F12',
    why: 'the session ends under the last holder, which was promised its time',
    test: 'next-sessions',
    edits: [
      {
        file: 'client/group.ts',
        find: 'if (this.#emptied !== null && this.#locks.size === 0) this.#emptied()',
        replace: 'if (this.#emptied !== null && this.#locks.size <= 1) this.#emptied()',
      },
    ],
  },
  {
    name: 'the same view is told again',
    breaks: 'F1',
    why: 'a listener is told of a new view that it knows already',
    test: 'next-sessions',
    edits: [
      {
        file: 'client/groups.ts',
        find: 'view.number <= Math.max(known, last)',
        replace: 'view.number < Math.max(known, last)',
      },
    ],
  },
  {
    name: 'only the first of several locks is given back at the end of its scope',
    breaks: 'F12',
    why: '`await using` of acquireAll leaves all others held',
    test: 'handles',
    edits: [
      {
        file: 'client/client.ts',
        find: 'Promise.all(locks.map(lock => lock.release()))',
        replace: 'Promise.all(locks.slice(0, 1).map(lock => lock.release()))',
      },
    ],
  },
  {
    name: 'a second signal waits as the first one does',
    breaks: 'F12',
    why: 'an operator who presses Ctrl-C again is not heard',
    test: 'processes/signals',
    edits: [
      {
        file: 'client/close-on-signals.ts',
        find: 'first ? { finishWithin } : {}',
        replace: '{ finishWithin }',
      },
    ],
  },
  {
    name: 'a listener that throws is told once more',
    breaks: 'S5',
    why: '`once` is taken back only behind the call',
    test: 'client-parts',
    edits: [
      {
        file: 'client/events.ts',
        find: 'if (once) this.remove(event, listener) try { listener(value) } catch (error) {',
        replace:
          'try {\n        listener(value)\n        if (once) this.remove(event, listener)\n      } catch (error) {',
      },
    ],
  },
  {
    name: 'one server under two spellings',
    breaks: 'F1',
    why: 'an address with a slash at its end is another one, so a server is dialled twice',
    test: 'client-surface',
    edits: [
      {
        file: 'client/options.ts',
        find: "return url.href.replace(/\\/$/, '')",
        replace: 'return url.href',
      },
    ],
  },
  {
    name: 'a request whose signal fires before its callback keeps the lock',
    breaks: 'S1',
    why: 'the lock stays held, and renewed, though no callback ever runs',
    test: 'client-parts',
    edits: [
      {
        file: 'client/web-locks.ts',
        find: 'void lock?.release() throw reasonOf(signal)',
        replace: 'throw signal.reason',
      },
    ],
  },
  {
    name: 'a server may advertise every address of its machine',
    breaks: 'V5',
    why: 'others dial 0.0.0.0, which is themselves',
    test: 'cli-usage',
    edits: [
      {
        file: 'lockserver/options.ts',
        find: "if (isWildcard(host ?? '')) throw",
        replace: "if (host === '0.0.0.0' && advertise === '') throw",
      },
    ],
  },
  {
    name: 'a server without a wait for its leaving is refused',
    breaks: 'F8',
    why: 'drainMs of 0, which is allowed, is an error',
    test: 'cli-usage',
    edits: [
      {
        file: 'lockserver/options.ts',
        find: "wholeNumber('drainMs', drainMs, limits.drainMs, 0, 600_000)",
        replace: "wholeNumber('drainMs', drainMs, limits.drainMs, 1, 600_000)",
      },
    ],
  },
  {
    name: 'a view server takes no free port',
    breaks: 'V6',
    why: 'port 0, which is allowed, is an error',
    test: 'view-server',
    edits: [
      {
        file: 'viewservice/options.ts',
        find: "wholeNumber('port', options.port, 7400, 0, 65_535)",
        replace: "wholeNumber('port', options.port, 7400, 1, 65_535)",
      },
    ],
  },
  {
    name: 'a name that begins like loopback is loopback',
    breaks: 'B3',
    why: 'a server on 127.0.0.1.example.org needs no secret',
    test: 'server-parts',
    edits: [
      {
        file: 'wire/net/listen.ts',
        find: '/^127(\\.\\d{1,3}){3}$/',
        replace: '/^127(\\.\\d{1,3}){3}/',
      },
    ],
  },
  {
    name: 'one quota is taken for the other',
    breaks: 'B7',
    why: 'the frames of an address are limited by the number of its connections',
    test: 'server-parts',
    edits: [
      {
        file: 'wire/options.ts',
        find: "quota('framesPerAddress', options.framesPerAddress)",
        replace: "quota('framesPerAddress', options.connectionsPerAddress)",
      },
    ],
  },
]

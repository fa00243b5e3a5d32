// Planted bugs of slots that move, and of groups that come and go (G8).

import type { Mutant } from './mutant.ts'

export const moves: readonly Mutant[] = [
  {
    name: 'a slot arrives before it was left',
    breaks: 'G8',
    why: 'two groups serve it for a moment, and grant one lock to two clients',
    test: ['view-moves', 'moves-in-cluster'],
    edits: [
      {
        file: 'viewservice/moves.ts',
        find: 'const gone = goneOf(move, left(move.from))',
        replace: 'const gone = slotsIn(move.slots).slice(left.length > 9 ? 9 : 0)',
      },
    ],
  },
  {
    name: 'what was left is reported at once',
    breaks: 'R1',
    why: 'the next group serves the slot, and a backup that is promoted still does',
    test: 'moves-in-cluster',
    edits: [
      {
        file: 'lockserver/served-slots.ts',
        find: "if (left !== null) this.#audience.show({ is: 'left', left })",
        replace: 'this.#audience.left = left',
      },
    ],
  },
  {
    name: 'the floor is forgotten',
    breaks: 'L2',
    why: 'a token of the group that had the slot is larger than the next ones',
    search: 'a slot moves',
    test: ['view-moves', 'rules-moves'],
    edits: [
      {
        file: 'viewservice/moves.ts',
        find: 'floors.set(move.to, floor)',
        replace: 'floors.set(move.to, Math.min(floor, 0))',
      },
    ],
  },
  {
    name: 'a group passes a slot on without its floor',
    breaks: 'L2',
    why: 'it was given a slot, never opened it, and its own counter is below the tokens of the group before',
    test: 'rules-moves',
    edits: [
      {
        file: 'lockserver/slot-moves.ts',
        find: 'Math.max(state.table.lastToken, floorOf(map, group))',
        replace: 'Math.max(state.table.lastToken, 0 * floorOf(map, group))',
      },
    ],
  },
  {
    name: "the record's highest token stays below the floor",
    breaks: 'L2',
    why: 'the group dies before its first ping, and a reset begins below what it has granted',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/record.ts',
        find: 'Math.max(token, floorOf(map, group))\n  const rest',
        replace: 'Math.max(token, 0 * floorOf(map, group))\n  const rest',
      },
    ],
  },
  {
    name: 'a reset does not know of the floor',
    breaks: 'L2',
    why: 'the record has the floor, and the reset counts from what pings have told',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/group.ts',
        find: 'this.#highestToken = Math.max(this.#highestToken, record.highestToken)',
        replace: 'this.#highestToken = Math.max(this.#highestToken, 0)',
      },
    ],
  },
  {
    name: 'a map of the same number counts',
    breaks: 'G8',
    why: 'an operation that was done already comes late, and opens a slot that was left since',
    test: 'rules-moves',
    edits: [
      {
        file: 'lockserver/state/slots.ts',
        find: 'slots.filter(slot => this.numberOf(slot) < number)',
        replace: 'slots.filter(slot => this.numberOf(slot) <= number)',
      },
    ],
  },
  {
    name: 'a paused state leaves slots',
    breaks: 'F14',
    why: "a reset's state is empty, and its clients still believe in what they held",
    search: 'deaths while it moves',
    test: 'rules-moves',
    edits: [
      {
        file: 'lockserver/state/state.ts',
        find: 'if (!this.table.paused) return this.#setSlots(ranges, false, number)',
        replace: 'if (number > 0) return this.#setSlots(ranges, false, number)',
      },
      {
        file: 'lockserver/slot-moves.ts',
        find: 'if (state.table.paused) return []',
        replace: 'if (state.table.paused && moves.length < 0) return []',
      },
    ],
  },
  {
    name: 'a lock that is kept for no client is no use of its slot',
    breaks: 'C3',
    why: 'another group grants it before its time is over',
    test: 'rules-moves',
    edits: [
      {
        file: 'lockserver/state/slot-use.ts',
        find: '    this.#add(lock.name, 1)\n    let work = 1',
        replace: '    if (lock.holder?.session.isNobody !== true) this.#add(lock.name, 1)\n    let work = 1',
      },
    ],
  },
  {
    name: 'a key that is remembered is no use of its slot',
    breaks: 'C5',
    why: 'another group knows nothing of it, and what has run runs again',
    test: 'rules-moves',
    edits: [
      {
        file: 'lockserver/state/slot-use.ts',
        find: 'if (first !== undefined) this.#add(first.name,',
        replace: 'if (first !== undefined && first.running) this.#add(first.name,',
      },
    ],
  },
  {
    name: 'the later ones of several names are no use of their slots',
    breaks: 'G8',
    why: 'what waits for the first name gets the second one here, where its slot is no more',
    test: 'rules-moves',
    edits: [
      {
        file: 'lockserver/state/slot-use.ts',
        find: 'for (let i = tokens.length + 1; i < names.length; i++)',
        replace: 'for (let i = tokens.length + 1; i < names.length - 1; i++)',
      },
    ],
  },
  {
    name: 'a slot under way is opened again',
    breaks: 'G8',
    why: 'the map still gives it to the group that has left it, which goes on with it while the next one begins',
    test: ['rules-moves', 'moves-in-cluster'],
    edits: [
      {
        file: 'lockserver/levelling.ts',
        find: 'else if (!moving.has(slot)) opened.push(slot)',
        replace: 'else if (moving.size >= 0) opened.push(slot)',
      },
    ],
  },
  {
    name: 'a report of an older view counts',
    breaks: 'G8',
    why: 'the group was reset since, and serves the slot again',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/group.ts',
        find: 'ping.view === number ? ping.left : null',
        replace: 'ping.view <= number ? ping.left : null',
      },
    ],
  },
  {
    name: 'a report counts for any move',
    breaks: 'G8',
    why: 'the slot was away and is back since, and the report is of the time before',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/moves.ts',
        find: 'find(move => move.number === number)',
        replace: 'find(move => move.number <= number)',
      },
    ],
  },
  {
    name: 'a group begins while the state of another is lost',
    breaks: 'G8, F14',
    why: 'the new group takes the servers that the reset of the lost one needs',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/moving.ts',
        find: 'if (lost !== null && wanted > record.groupsWanted)',
        replace: 'if (lost !== null && wanted < record.groupsWanted)',
      },
    ],
  },
  {
    name: 'a group gets slots before it has a backup',
    breaks: 'G8',
    why: 'the first death of one more server loses locks that a death would not have lost before',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/moving.ts',
        find: 'if (part.view.backup === null || !part.acked)',
        replace: 'if (part.view.number === 0)',
      },
    ],
  },
  {
    name: 'a group ends while it still has slots',
    breaks: 'G8',
    why: 'no group serves these slots any more',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/moving.ts',
        find: 'if (changes || partOf(record, group) === null || !isEmpty(map, group)) return false',
        replace: 'if (changes || partOf(record, group) === null) return false',
      },
    ],
  },
  {
    name: 'the first slot of a part is of the part before',
    breaks: 'G2',
    why: 'a server and a client of another version ask for its names in different groups',
    test: 'slots',
    edits: [
      {
        file: 'wire/slots.ts',
        find: 'if ((starts[middle]?.[0] ?? slotsMax) <= slot) low = middle',
        replace: 'if ((starts[middle]?.[0] ?? slotsMax) < slot) low = middle',
      },
    ],
  },
  {
    name: 'a record of the format before loses its other groups',
    breaks: 'G8',
    why: 'after an upgrade their slots move to group 0, and their servers become idle',
    test: 'formats-before',
    edits: [
      {
        file: 'viewservice/stores/before.ts',
        find: 'const wanted = 1 + (Array.isArray(others) ? others.length : 0)',
        replace: 'const wanted = Array.isArray(others) ? 1 : 0',
      },
    ],
  },
  {
    name: 'of an etcd that refuses nothing is heard',
    breaks: 'F18',
    why: 'the view server waits for its answer, and does not say that it is away',
    test: 'etcd-store',
    edits: [
      {
        file: 'viewservice/stores/post.ts',
        find: "request.once('error', reject)",
        replace: "request.once('error', () => {})",
      },
    ],
  },
  {
    name: 'a group that is wanted again begins with view 1',
    breaks: 'V1',
    why: 'its old servers know a later view, and stop the view server',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/view.ts',
        find: 'return { group, number: last + 1, primary, backup: null, durability, start }',
        replace: 'return { group, number: 0 * last + 1, primary, backup: null, durability, start }',
      },
      {
        file: 'viewservice/view.ts',
        find: '(before?.view.number ?? last) + 1',
        replace: '(before?.view.number ?? 0 * last) + 1',
      },
    ],
  },
  {
    name: 'the servers of a group that has ended keep its state',
    breaks: 'G8',
    why: 'they are never idle again, and their clients stay with them',
    test: 'moves-in-cluster',
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: 'if (this.#hasEnded) this.#leaveEnded()',
        replace: 'if (this.#hasEnded) this.#found = null',
      },
    ],
  },
  {
    name: 'a view of a group that has ended comes late, and is taken',
    breaks: 'G8',
    why: 'a server waits for a primary that is no more, and is no spare for any other group',
    test: 'group-roles',
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: 'return map === null ? known : Math.max(known, endOf(map, group))',
        replace: 'return map === null ? known : Math.max(known, 0 * endOf(map, group))',
      },
    ],
  },
  {
    name: 'a map is told behind the views of its record',
    breaks: 'G2',
    why: 'a reset begins by the map of before, and serves what is no longer its own',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/core.ts',
        find: '    if (before !== null && record.map.number > before.number) this.#tellMap(record.map, before)\n',
        replace: '',
      },
      {
        file: 'viewservice/core.ts',
        find: '    this.#moving.saved(record)\n',
        replace:
          '    if (before !== null && record.map.number > before.number) this.#tellMap(record.map, before)\n    this.#moving.saved(record)\n',
      },
    ],
  },
  {
    name: 'a promoted primary says nothing of what was left',
    breaks: 'G8',
    why: 'the slot stays between two groups for good',
    test: 'moves-in-cluster',
    edits: [
      {
        file: 'lockserver/served-slots.ts',
        find: 'this.#proposals.propose(operation)\n    this.report()\n  }\n\n  /** G8, step 2',
        replace: 'this.#proposals.propose(operation)\n  }\n\n  /** G8, step 2',
      },
    ],
  },
  {
    name: 'a standby tells no lock server of a newer map',
    breaks: 'E5',
    why: 'a lock server that hears standbys alone goes on by the map of before',
    test: 'view-moves',
    edits: [
      {
        file: 'viewservice/standby.ts',
        find: 'if (map === null || map.number <= (before?.number ?? 0)) return',
        replace: 'if (map === null || map.number >= (before?.number ?? 0)) return',
      },
    ],
  },
]

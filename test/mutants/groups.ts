// Planted bugs of several groups in one cluster (G1).

import type { Mutant } from './mutant.ts'

const test = ['view-groups', 'groups-in-cluster']

export const groups: readonly Mutant[] = [
  {
    name: 'a server in two groups',
    breaks: 'G1',
    why: 'two groups that decide in one save name the same idle server: it can be backup of one only',
    test,
    edits: [
      {
        file: 'viewservice/group.ts',
        find: 'if (next !== undefined && next.view !== this.#record?.view) spares.take(next.view)',
        replace:
          'if (next !== undefined && next.view !== this.#record?.view) spares.take({ ...next.view, primary: { id: "", address: "" }, backup: null })',
      },
    ],
  },
  {
    name: 'a spare for the group that comes first',
    breaks: 'G1',
    why: 'a group whose backup is only short of room gets the spare, and one without a backup goes on alone',
    test,
    edits: [
      {
        file: 'viewservice/core.ts',
        find: '[...this.#groups].sort((a, b) => a.need - b.need)',
        replace: '[...this.#groups].sort((a, b) => a.number - b.number)',
      },
    ],
  },
  {
    name: 'no spare is kept',
    breaks: 'G1',
    why: 'a group that waits for its ack finds no server left when it may take one',
    test,
    edits: [
      { file: 'viewservice/group.ts', find: 'else this.#keepSpare(spares)', replace: 'else this.need' },
    ],
  },
  {
    name: "a save drops another group's news",
    breaks: 'G1',
    why: 'what two groups decide in one turn is saved for one of them, and the other has told its server already',
    test,
    edits: [
      {
        file: 'viewservice/core.ts',
        find: 'if (next !== undefined) news.set(group.number, next)',
        replace: 'if (next !== undefined && news.size === 0) news.set(group.number, next)',
      },
    ],
  },
  {
    name: 'primary and backup on one host',
    breaks: 'G1',
    why: 'one machine takes both copies of the state with it, while another one idles',
    test,
    edits: [
      {
        file: 'viewservice/spares.ts',
        find: "fitting.filter(server => host !== '' && server.host !== host)",
        replace: "fitting.filter(server => host === '' && server.host === host)",
      },
    ],
  },
  {
    name: 'a journal that is needed is no reason',
    breaks: 'G1',
    why: 'the server whose journal has the only copy of a group becomes the backup of another, and moves it aside',
    test,
    edits: [
      {
        file: 'viewservice/spares.ts',
        find: '(this.#reserved.get(id) ?? group) === group &&',
        replace: '(this.#reserved.get(id) ?? group) >= 0 &&',
      },
    ],
  },
  {
    name: "another group's ack counts",
    breaks: 'V4',
    why: 'what a server says of the group that it was in acks the view of the group that it is in now',
    test,
    edits: [
      {
        file: 'viewservice/group.ts',
        find: 'return ping?.group === this.number ? ping : null',
        replace: 'return ping',
      },
    ],
  },
  {
    name: "any group's answer promotes",
    breaks: 'V3',
    why: 'a backup answers for one group, and another is taken to be in sync',
    test,
    edits: [
      {
        file: 'viewservice/group.ts',
        find: 'if (answer.group !== this.number || !this.#question',
        replace: 'if (!this.#question',
      },
      {
        file: 'viewservice/core.ts',
        find: 'else this.#groups[message[2].group]?.answered(server, message[1], message[2])',
        replace: 'else for (const group of this.#groups) group.answered(server, message[1], message[2])',
      },
      { file: 'viewservice/question.ts', find: 'asked.to !== id', replace: 'asked.to === ""' },
    ],
  },
  {
    name: 'a state is given up for another group',
    breaks: 'G1',
    why: 'an old view of another group comes late, and a primary leaves its own group for it',
    test: 'group-roles',
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: 'if (!isNamed(view, this.#options.id) || this.#hasState)',
        replace: 'if (!isNamed(view, this.#options.id))',
      },
    ],
  },
  {
    name: 'views of all groups are compared',
    breaks: 'G1',
    why: "another group's larger number makes a server deaf for the views of its own",
    test: ['group-roles', 'groups-in-cluster'],
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: 'const known = (group === this.#situation.group ? view : others.get(group))?.number ?? 0',
        replace: 'const known = Math.max(view?.number ?? 0, others.get(group)?.number ?? 0)',
      },
    ],
  },
  {
    name: 'a run is served by any group',
    breaks: 'G2',
    why: 'a lock is granted by a group that does not have its slot, beside the one that has',
    test: 'rules-slots',
    edits: [
      {
        file: 'lockserver/state/runs.ts',
        find: "mode === 'exclusive' && state.slots.serves(name) && hasRoom(",
        replace: "mode === 'exclusive' && hasRoom(",
      },
    ],
  },
  {
    name: 'a primary answers before its state is level',
    breaks: 'G2',
    why: 'the empty state of a first view or of a reset serves all slots',
    test: ['group-roles', 'rules-slots'],
    edits: [
      {
        file: 'lockserver/served-slots.ts',
        find: 'for (const operation of levelling(this.#state.slots, map, group)) this.#proposals.propose(operation)',
        replace:
          'if (this.#state.opNumber > 1) for (const operation of levelling(this.#state.slots, map, group)) this.#proposals.propose(operation)',
      },
    ],
  },
  {
    name: 'an older map opens a slot again',
    breaks: 'G2',
    why: 'an operation of an older map comes late, and two groups serve the slot',
    test: 'rules-slots',
    edits: [
      {
        file: 'lockserver/state/slots.ts',
        find: 'slots.filter(slot => this.numberOf(slot) < number)',
        replace: 'slots.filter(slot => this.numberOf(slot) >= 0)',
      },
    ],
  },
  {
    name: 'a copy serves all slots',
    breaks: 'G2',
    why: 'a promoted backup serves slots that its group has given up',
    test: 'rules-slots',
    edits: [
      {
        file: 'lockserver/state/snapshot.ts',
        find: '[...slotsRecords(state.slots), ...unfinishedRecords(state.table.unfinished)]',
        replace: 'slotsRecords(state.slots).length < 0 ? [] : unfinishedRecords(state.table.unfinished)',
      },
    ],
  },
  {
    name: 'a slot that is in use is closed',
    breaks: 'G2',
    why: 'another group grants what a client still holds here',
    test: 'rules-slots',
    edits: [
      {
        file: 'lockserver/state/state.ts',
        find: 'slotsIn(ranges).filter(slot => !this.table.isInUse(slot))',
        replace: 'slotsIn(ranges)',
      },
    ],
  },
  {
    name: 'the floor of a slot is forgotten',
    breaks: 'L2',
    why: 'a token of the group that had the slot before is larger than the next ones',
    test: 'rules-slots',
    edits: [
      {
        file: 'lockserver/state/state.ts',
        find: 'this.table.raiseToken(operation[3])',
        replace: 'this.table.raiseToken(0)',
      },
    ],
  },
  {
    name: "another group's tokens are adopted",
    breaks: 'E7',
    why: 'what a server says of the state of one group is taken for another in a record that is rebuilt',
    test: 'adoption',
    edits: [
      {
        file: 'viewservice/adoption.ts',
        find: '{ ...each, ...noPart, view, imprint }',
        replace: '{ ...each, view, imprint }',
      },
    ],
  },
  {
    name: 'braces with nothing inside are a tag, too',
    breaks: 'G2',
    why: 'clients in other languages look for these names in other groups',
    test: 'slots',
    edits: [{ file: 'wire/slots.ts', find: 'return close > open + 1 ?', replace: 'return close > open ?' }],
  },
]

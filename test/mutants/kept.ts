// Planted bugs of copies that are kept after a recovery: whose they are, up to where, and when they are whole (D12).

import type { Mutant } from './mutant.ts'

const recent = 'lockserver/state/recent.ts'
const backup = 'lockserver/backup.ts'
const test = 'kept-copy'
const search = 'power and a kept copy'

export const kept: readonly Mutant[] = [
  {
    name: 'a copy is kept that ends with what was not recovered',
    breaks: 'D12',
    why: 'operations that the new primary has decided since have the same numbers: the backup has others in their place',
    test,
    search,
    edits: [
      {
        file: recent,
        find: 'view !== this.#read.view || opNumber > this.#read.opNumber',
        replace: 'view !== this.#read.view',
      },
    ],
  },
  {
    name: 'a copy from another view is kept',
    breaks: 'D12, R2',
    why: 'its last operations may be those of another primary, which have the same numbers',
    test,
    search,
    edits: [
      {
        file: recent,
        find: 'this.#read === null || view !== this.#read.view ||',
        replace: 'this.#read === null ||',
      },
    ],
  },
  {
    name: 'the digest of a copy that is kept is not looked at',
    breaks: 'D12, R4',
    why: 'what a disk has changed unnoticed goes on',
    test,
    edits: [
      {
        file: recent,
        find: 'moment.opNumber === opNumber && moment.digest === digest',
        replace: 'moment.opNumber === opNumber',
      },
    ],
  },
  {
    name: 'a copy that is kept gets its last batch again',
    breaks: 'D12, R2',
    why: 'an operation comes that is not the next one: the backup ends',
    test,
    search,
    edits: [{ file: recent, find: 'this.#batches.slice(at + 1)', replace: 'this.#batches.slice(at)' }],
  },
  {
    name: 'a copy that is kept is whole before it is written anew',
    breaks: 'D12, D5',
    why: 'what was read may never have been synced: with the next loss of power it is gone, and clients were told of it',
    test,
    search,
    edits: [
      {
        file: backup,
        find: 'this.#keeps = true this.#writing = new StateWriting(this.#disk, this.found.state) this.#write(this.#disk)',
        replace:
          'this.#keeps = true\n    this.#have(this.found.state, wholeLeases(this.found.state, this.#situation.now.monotonic))',
      },
    ],
  },
  {
    name: 'the batches since a copy that is kept have the numbers of their primary',
    breaks: 'D12, R2',
    why: 'the backup waits for the first one in vain',
    test,
    search,
    edits: [
      {
        file: 'lockserver/join.ts',
        find: 'this.#unsent = sequence - since.length',
        replace: 'this.#unsent = 0',
      },
    ],
  },
  {
    name: 'what was read is let go of when the recovery is acked',
    breaks: 'D12, D3',
    why: 'the whole state is sent to a server that has it on its disk',
    test,
    edits: [
      {
        file: 'lockserver/roles.ts',
        find: 'view.number > this.#found.imprint.view && !isRecovery(view)',
        replace: 'view.number > this.#found.imprint.view',
      },
    ],
  },
  {
    name: 'the backup of a recovered primary is the first that comes',
    breaks: 'D12, G1',
    why: 'the whole state is sent to a server that has nothing, while another has it on its disk',
    test: 'view-recovery',
    edits: [
      {
        file: 'viewservice/spares.ts',
        find: 'beside === null ? best[0] : newestOf(best, group)',
        replace: 'best[0]',
      },
    ],
  },
  {
    name: 'a copy that is kept has no leases',
    breaks: 'D12, D6, S3',
    why: 'if its primary dies, its sessions never end',
    test,
    edits: [
      {
        file: 'lockserver/state-writing.ts',
        find: 'for (const session of state.sessions.values()) leases.renew(session, now)',
        replace: '',
      },
    ],
  },
]

// What lock servers rehearse before they start: every part of it succeeds, so all of that code is warm.

import t from 'tap'
import { Rehearsal } from '../lockserver/rehearsal.ts'
import '../wire/server-channels.ts'

t.test(
  'each pair of a rehearsal is answered: with a backup, after its promotion, and with another one',
  async t => {
    const rehearsal = new Rehearsal()
    rehearsal.play(3)
    t.equal(rehearsal.pairs, (3 + 1 + 1) * 64)
    t.strictSame(rehearsal.roles, ['primary', 'primary', 'backup'], 'the first died as what it was')
  },
)

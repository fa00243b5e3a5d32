// Claims of every kind at once, at random: a state stays whole under any operations, however small their shares
// are (B2), and a copy that is taken in the meantime is the same to the letter (R3, R4).

import t from 'tap'
import type { State } from '../lockserver/state/state.ts'
import { anyClaimOperation } from './fixtures/claims-dice.ts'
import { alwaysTheSame, copiedWhile } from './fixtures/copied-state.ts'
import { random } from './fixtures/random.ts'
import { StateStory } from './fixtures/state-story.ts'

/** What the seeds must bring about, so that they show something. */
const rare = [
  'done-before',
  'not-this',
  'PERMITS_DIFFER',
  'ONCE_KEYS_LIMIT',
  'HELD_TOO_LONG',
  'noted',
  'kept',
  'telling',
]
const seen = new Map<string, number>()
const see = (what: string) => void seen.set(what, (seen.get(what) ?? 0) + 1)

function look({ state, shown }: StateStory): void {
  if (state.table.kept > 0) see('kept')
  if (state.table.unfinished.telling.size > 0) see('telling')
  for (const [, message] of shown.splice(0)) {
    see(message[0])
    if (message[0] === 'refused' || message[0] === 'lost') see(message[2])
  }
}

function copyWhile(seed: number): [State, State] {
  const dice = random(seed)
  const limits = { changesPerOperationMax: dice.pick([2, 3, 1_024]), onceKeysPerNameMax: dice.pick([2, 9]) }
  const keyed = seed % 2 === 0
  const story = new StateStory(limits)
  const { state } = story
  for (let i = 0; i < 120; i++) story.apply(anyClaimOperation(state, dice, keyed))
  const next = () => anyClaimOperation(state, dice, keyed)
  const copied = copiedWhile(story, dice, next, () => look(story))
  for (let i = 0; i < 40; i++) {
    const operation = anyClaimOperation(state, dice, keyed)
    story.apply(operation)
    copied.apply(structuredClone(operation))
  }
  return [state, copied]
}

t.test('C1, C3, C5, R3: a copy taken while 150 seeds of claims go on is the same to the letter', async t => {
  alwaysTheSame(t, 150, copyWhile)
  for (const what of rare) t.ok((seen.get(what) ?? 0) >= 20, `${what}: ${seen.get(what)} times`)
})

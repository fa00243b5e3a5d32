// D1, D2, D5, D7: the power goes at any moment, with any part of what was not synced gone, kept or torn. What is read
// then is a state that was, no older than what was confirmed; it is recovered into new files, and the power goes again.

import t from 'tap'
import type { State } from '../lockserver/state/state.ts'
import { anOperation, JournalStory, type Moment, readAll, start } from './fixtures/journal-story.ts'
import { type Random, random } from './fixtures/random.ts'
import { keepAll, keepNone, keepSome, type SimulatedDisk } from './fixtures/simulated-disk.ts'
import { textOf } from './fixtures/state-story.ts'
import { whole } from './fixtures/whole.ts'

/** What may be found: that of the last confirmed write, or of any later one. */
function allowed({ moments, synced }: JournalStory): readonly Moment[] {
  const last = moments.findLastIndex(({ number }) => number <= synced)
  return moments.slice(Math.max(0, last))
}

/** Undefined: it is as it must be. Also returns the state, if there is one to recover. */
function judged(story: JournalStory, disk: SimulatedDisk): { problem?: string; state?: State } {
  const { reading } = readAll(disk)
  const moments = allowed(story)
  const nothing = story.moments.every(({ number }) => number > story.synced)
  if (reading.is === 'empty')
    return nothing ? {} : { problem: 'nothing is found, and something was confirmed' }
  if (reading.is !== 'whole') return { problem: JSON.stringify(reading) }
  const { state, imprint } = reading
  if (nothing && imprint === null) return {} // given up by an earlier process
  const text = textOf(state)
  const found = moments.find(
    moment => moment.opNumber === state.opNumber && moment.state === text && isSame(moment.imprint, imprint),
  )
  const places = `op ${state.opNumber}, view ${imprint?.view}; allowed: ${moments.map(m => `${m.opNumber}/${m.imprint?.view}`)}`
  if (found === undefined) return { problem: `what is found never was, or is too old: ${places}` }
  if (reading.damage.length > 0) return { problem: `damage: ${JSON.stringify(reading.damage)}` }
  return imprint === null ? {} : { state }
}

function isSame(one: Moment['imprint'], other: Moment['imprint']): boolean {
  if (one === null || other === null) return one === other
  const key = ({ id, view, as, told, differs, longestTtlMs }: NonNullable<Moment['imprint']>) =>
    JSON.stringify([id, view, as, told, differs, longestTtlMs])
  return key(one) === key(other)
}

/** Something happens: the core decides, the disk answers, or time passes. */
function something(story: JournalStory, dice: Random): void {
  const view = story.imprint?.view ?? 1
  const what = dice.below(100)
  if (what < 45) return void story.answerOne(dice)
  if (story.imprint === null) return story.begin({ view: view + dice.below(3) })
  if (what < 75) {
    const operations = Array.from({ length: 1 + dice.below(4) }, () => 0)
    if (story.state.opNumber === 0) story.batch(start)
    for (const _ of operations) story.batch(anOperation(story.state, dice))
    return story.turnEnd()
  }
  if (what < 80)
    return story.sayImprint({ ...story.imprint, view: view + dice.below(2), told: dice.chance(0.5) })
  if (what < 88)
    return story.copying
      ? story.goOn()
      : story.snapshotsWanted > 0 && story.state.opNumber > 0
        ? story.beginSnapshot()
        : undefined
  if (what === 88) return story.copying ? story.dropSnapshot() : undefined
  if (what === 89) return story.copying ? undefined : installOne(story, dice)
  if (what === 90 && dice.chance(0.1)) return story.copying ? undefined : story.giveUp()
  if (what < 95) return story.turnEnd()
  story.step({ is: 'tick', freeBytes: null })
}

/** A backup gets the state of a new view; sometimes the copy is cut before it is whole. */
function installOne(story: JournalStory, dice: Random): void {
  if (story.state.opNumber === 0 || story.imprint === null) return
  if (dice.chance(0.3)) {
    story.write({ is: 'install', header: headerOfNothing })
    story.write({ is: 'records', records: [] })
    if (dice.chance(0.5)) story.answerOne(dice)
    story.write({ is: 'dropped' })
    return story.turnEnd()
  }
  story.install(story.state, { ...story.imprint, as: 'backup', view: (story.imprint?.view ?? 1) + 1 })
}

const headerOfNothing = {
  ...{ opNumber: 7, sequence: 0, token: 1, digest: 3, ordinal: 1, bytes: 0, paused: null, pauseMs: 0 },
  limits: new JournalStory().state.limits,
}

const keeps = [keepAll, keepNone, keepSome, keepSome]

/** Undefined: nothing was wrong in three losses of power. */
function problemOf(seed: number): string | undefined {
  const dice = random(seed)
  let story = new JournalStory()
  for (let round = 0; round < 3; round++) {
    const steps = dice.below(round === 0 ? 400 : 120)
    for (let i = 0; i < steps; i++) something(story, dice)
    if (story.failed !== null) return `round ${round}: ${story.failed}`
    const disk = story.disk.powerLost(dice, dice.pick(keeps))
    const { problem, state } = judged(story, disk)
    if (problem !== undefined) return `round ${round}: ${problem}`
    const { imprint } = story
    story = new JournalStory(disk, {}, String(round).repeat(32))
    if (state === undefined) continue
    // Until it is installed, all that could be found before still can be.
    story.moments = [
      { number: 0, opNumber: state.opNumber, state: textOf(state), imprint: readImprint(disk) },
    ]
    if (state.opNumber === 0) story.begin({ view: (imprint?.view ?? 1) + 1 })
    else
      story.install(state, { ...imprint, id: String(round + 2).repeat(32), view: (imprint?.view ?? 1) + 1 })
  }
  return undefined
}

function readImprint(disk: SimulatedDisk): Moment['imprint'] {
  const { reading } = readAll(disk)
  return reading.is === 'whole' ? reading.imprint : null
}

t.test('D1, D5, D7: whatever a loss of power leaves, what was confirmed is there', async t => {
  const seeds = Number(process.env.HOLDFAST_TEST_POWER ?? (whole ? 150 : 30))
  for (let seed = 1; seed <= seeds; seed++) {
    const problem = problemOf(seed)
    if (problem !== undefined) return void t.fail(`seed ${seed}: ${problem}`)
  }
  t.pass(`${seeds} seeds`)
})

// E2, on the part that keeps the record alone: all orders in which a store can answer two view servers, with
// answers that are lost before or after the write, writes that come late, and a store that is away.

import t from 'tap'
import { Keeping, type StoreEffect, type StoreInput } from '../viewservice/keeping.ts'
import { type ViewRecord, viewedIn } from '../viewservice/record.ts'
import type { Stored } from '../viewservice/stores/store.ts'
import { numberedRecord } from './fixtures/store-contract.ts'

/** A store that does what it is told to, when it is told to. */
class ToldStore {
  readonly history: Stored[] = []
  #version = 0

  get holds(): Stored | null {
    return this.history.at(-1) ?? null
  }

  /** Whether the record was written. */
  compareAndSet({ record, expected }: Write): Stored | null {
    const { holds } = this
    if (holds?.version !== expected?.version) return null
    const stored = { record, version: `v${++this.#version}` }
    this.history.push(stored)
    return stored
  }
}

type Write = Extract<StoreEffect, { do: 'write' }>

/** A view server that saves one record after the other, as long as it knows of no other one. */
class Saver {
  readonly keeping: Keeping
  asked: StoreEffect | null = null
  /** Writes whose answer was lost, and which may still happen. */
  late: Write[] = []
  /** What it told others. */
  readonly told: ViewRecord[] = []
  decides: boolean
  #given: ViewRecord | null = null

  constructor(name: string, known: Stored | null, decides: boolean) {
    this.keeping = new Keeping(name, known)
    this.decides = decides
    this.#decide()
  }

  hear(input: StoreInput): void {
    this.asked = null
    const kept = this.keeping.heard(input)
    if (kept?.is === 'saved') this.#tell()
    // Another has written: it is a standby, and becomes active again with what it found.
    if (kept?.is === 'found' || kept?.is === 'halted') this.#given = null
    if (kept?.is === 'found') this.keeping.drop()
    this.#collect()
    if (kept !== undefined && kept.is !== 'halted') this.#decide()
  }

  tick(): void {
    this.keeping.tick()
    this.#collect()
  }

  #tell(): void {
    const record = viewedIn(this.keeping.record)
    if (record === null || this.#given === null) throw new Error('told nothing')
    this.told.push(record)
    this.#given = null
  }

  #decide(): void {
    if (!this.decides || this.#given !== null || this.told.length >= 2) return this.#collect()
    this.#given = numberedRecord((this.keeping.record?.record ?? 0) + 1, '')
    this.keeping.save(this.#given)
    this.#collect()
  }

  #collect(): void {
    for (const effect of this.keeping.take()) {
      if (this.asked !== null) throw new Error('two questions at a time')
      this.asked = effect
    }
  }
}

/** What may happen to the question that a saver has asked. */
const fates = ['answered', 'lost before', 'lost after', 'late', 'away'] as const
type Fate = (typeof fates)[number]

interface Move {
  readonly saver: number
  readonly fate: Fate | 'the late write happens'
}

class World {
  readonly store = new ToldStore()
  readonly savers: readonly Saver[]

  constructor() {
    const first = this.store.compareAndSet({ do: 'write', record: numberedRecord(1), expected: null })
    this.savers = [new Saver('a'.repeat(32), first, true), new Saver('b'.repeat(32), first, true)]
  }

  moves(): Move[] {
    return this.savers.flatMap(({ asked, late }, saver) => [
      ...(asked?.do === 'write' ? fates : asked?.do === 'load' ? (['answered', 'away'] as const) : []).map(
        fate => ({ saver, fate }),
      ),
      ...(late.length > 0 ? [{ saver, fate: 'the late write happens' } as const] : []),
    ])
  }

  make({ saver: number, fate }: Move): void {
    const saver = this.savers[number]
    if (saver === undefined) return
    const { asked } = saver
    if (fate === 'the late write happens') {
      const write = saver.late.shift()
      if (write !== undefined) this.store.compareAndSet(write)
    } else if (asked?.do === 'load')
      saver.hear(
        fate === 'away' ? { is: 'not loaded', text: 'away' } : { is: 'loaded', stored: this.store.holds },
      )
    else if (asked !== null) this.#write(saver, asked, fate)
    for (const each of this.savers) each.tick()
  }

  #write(saver: Saver, asked: Write, fate: Fate): void {
    if (fate === 'away') return saver.hear({ is: 'not written', trouble: 'away', text: fate })
    if (fate === 'late') saver.late.push(asked)
    const stored = fate === 'answered' || fate === 'lost after' ? this.store.compareAndSet(asked) : null
    if (fate !== 'answered') return saver.hear({ is: 'not written', trouble: 'unknown', text: fate })
    if (stored !== null) saver.hear({ is: 'written', stored })
    else saver.hear({ is: 'not written', trouble: 'taken', text: fate })
  }

  /** E2: whatever was told is in the store's history, and no number twice. */
  problem(): string | null {
    const { history } = this.store
    for (const { told, keeping } of this.savers) {
      if (keeping.halted !== null) return `halted: ${keeping.halted}`
      for (const record of told)
        if (!history.some(stored => stored.record.nonce === record.nonce))
          return 'told what was never written'
    }
    const told = this.savers.flatMap(saver => saver.told.map(({ nonce }) => nonce))
    if (new Set(told).size !== told.length) return 'two told of the same'
    const numbers = history.map(({ record }) => record.record)
    return numbers.every((number, i) => number === i + 1) ? null : `numbers ${numbers}`
  }
}

/** Replays the moves; whole worlds need not be copied. */
function after(moves: readonly Move[]): World {
  const world = new World()
  for (const move of moves) world.make(move)
  return world
}

/** All orders, down to a depth. */
function search(depth: number): { worlds: number; saved: number } {
  let worlds = 0
  let saved = 0
  const visit = (moves: readonly Move[]) => {
    const world = after(moves)
    worlds += 1
    const problem = world.problem()
    if (problem !== null) throw new Error(`${problem}: ${JSON.stringify(moves)}`)
    saved += world.savers.reduce((sum, { told }) => sum + told.length, 0)
    if (moves.length < depth) for (const move of world.moves()) visit([...moves, move])
  }
  visit([])
  return { worlds, saved }
}

t.test('E2: in no order of answers is a record told of that is not in the store', async t => {
  const { worlds, saved } = search(6)
  t.ok(worlds > 10_000, `${worlds} worlds`)
  t.ok(saved > 1_000, `${saved} saves told of`)
})

t.test('E2: once the store answers, both save all that they want to', async t => {
  for (const first of after([]).moves())
    for (const second of after([first]).moves()) {
      const world = after([first, second])
      for (let i = 0; i < 60; i++) {
        const move = world.moves().find(({ fate }) => fate === 'answered')
        if (move !== undefined) world.make(move)
        else for (const saver of world.savers) saver.tick()
      }
      t.same(
        world.savers.map(({ told }) => told.length),
        [2, 2],
        `${first.fate}, ${second.fate}`,
      )
      t.equal(world.problem(), null)
    }
})

const stored = (record: number, nonce: string, version = `v${record}`): Stored => ({
  record: numberedRecord(record, nonce),
  version,
})

t.test(
  'F19: a store that was put back to an older time halts, until it holds again what was known',
  async t => {
    for (const [why, found] of [
      ['older', stored(4, 'old')],
      ['another of this number', stored(5, 'another')],
      ['gone', null],
      [
        'of another cluster',
        { ...stored(6, 'x'), record: { ...numberedRecord(6), cluster: 'd'.repeat(32) } },
      ],
    ] as const) {
      const keeping = new Keeping('a'.repeat(32), stored(5, 'known'))
      keeping.look()
      t.match(keeping.heard({ is: 'loaded', stored: found }), { is: 'halted' }, why)
      t.ok(keeping.halted)
      keeping.look()
      t.equal(
        keeping.heard({ is: 'loaded', stored: stored(9, 'later') }),
        undefined,
        'who built on it is no way out',
      )
      keeping.look()
      t.same(keeping.heard({ is: 'loaded', stored: stored(5, 'known', 'v77') }), { is: 'resumed' })
      t.equal(keeping.halted, null)
    }
  },
)

t.test('E2: a save that was dropped and comes through all the same is as another’s', async t => {
  const keeping = new Keeping('a'.repeat(32), stored(1, 'x'))
  keeping.save(numberedRecord(2))
  const [asked] = keeping.take()
  keeping.drop()
  if (asked?.do !== 'write') throw new Error('nothing was written')
  t.match(keeping.heard({ is: 'written', stored: { record: asked.record, version: 'v2' } }), { is: 'found' })
  t.equal(keeping.record?.record, 2)
})

t.test('E2: its own record, found after an unknown outcome, is saved', async t => {
  const keeping = new Keeping('a'.repeat(32), stored(1, 'x'))
  keeping.save(numberedRecord(2))
  const [asked] = keeping.take()
  if (asked?.do !== 'write') throw new Error('nothing was written')
  t.equal(keeping.heard({ is: 'not written', trouble: 'unknown', text: 'no answer' }), undefined)
  t.same(keeping.take(), [{ do: 'load' }])
  const found = { record: asked.record, version: 'v2' }
  t.same(keeping.heard({ is: 'loaded', stored: found }), { is: 'saved' })
})

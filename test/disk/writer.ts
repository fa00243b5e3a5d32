// A process that writes a journal as a lock server would: it recovers what it finds, goes on with random operations,
// and says on stdout what is confirmed. It ends with status 1 after the first error of its disk (D8).

import { runtime } from '#runtime'
import { openJournal } from '../../lockserver/journal/driver/open.ts'
import { Copy, headerOf } from '../../lockserver/state/snapshot.ts'
import { State } from '../../lockserver/state/state.ts'
import { anOperation, imprint, start } from '../fixtures/journal-story.ts'
import { random } from '../fixtures/random.ts'
import { timesOf } from '../fixtures/state-story.ts'

const [folder = '', seed = '1', segmentBytes = '1048576'] = process.argv.slice(2)
const tell = (what: object) => void process.stdout.write(`${JSON.stringify(what)}\n`)

const owner = {
  note: (_: string, text: string, fields: object) => tell({ note: text, ...fields }),
  failed(problem: string) {
    tell({ failed: problem })
    process.exit(1)
  },
}
const bytes = Number(segmentBytes)
const sizes = {
  firstSegmentBytes: bytes,
  segmentBytes: bytes,
  payloadBytes: 65_536,
  snapshotLogBytes: 2 * bytes,
}

async function main(): Promise<void> {
  const journal = await openJournal({ folder, runtime, owner, tickMs: 20, sizes })
  const found = journal.takeFound()
  const state = found?.state ?? new State()
  tell({ opened: state.opNumber, found: found !== null })
  const dice = random(Number(seed))
  let [number, synced, view] = [0, 0, (found?.imprint.view ?? 0) + 1]
  /** By the number of its write, the last operation in it. */
  const operations: [number, number][] = []
  let copy: Copy | null = null
  journal.start(says => {
    if (says.is === 'synced') {
      synced = says.number
      while ((operations[1]?.[0] ?? Number.POSITIVE_INFINITY) <= synced) operations.shift()
      if ((operations[0]?.[0] ?? Number.POSITIVE_INFINITY) <= synced)
        tell({ synced: operations[0]?.[1], view })
    } else if (says.is === 'snapshot wanted') {
      copy = new Copy(state, timesOf(1_000))
      journal.snapshot({ is: 'begin', header: headerOf(state, 0, null) })
    } else if (says.is === 'snapshot taken' && copy !== null) {
      const records = copy.nextChunk(20)
      if (records !== null) return journal.snapshot({ is: 'records', records })
      state.table.endCopy(copy)
      copy = null
      journal.snapshot({ is: 'end' })
    }
  })
  if (state.opNumber === 0) journal.write(++number, { is: 'begin', imprint: { ...imprint, view } })
  else {
    journal.write(++number, { is: 'install', header: headerOf(state, 0, null) })
    const base = new Copy(state, timesOf(1_000))
    for (let records = base.nextChunk(); records !== null; records = base.nextChunk())
      journal.write(++number, { is: 'records', records })
    state.table.endCopy(base)
    journal.write(++number, { is: 'installed', imprint: { ...imprint, view } })
  }
  operations.push([number, state.opNumber])
  const more = () => {
    for (let i = 0; i < 8 && number - synced < 200; i++) {
      const firstOp = state.opNumber + 1
      const operation = state.opNumber === 0 ? start : anOperation(state, dice)
      state.wallMs = Date.now()
      state.apply(operation)
      state.facts.drop()
      const { wallMs, digest } = state
      journal.write(++number, { is: 'batch', view, firstOp, wallMs, entries: [operation], digest })
      operations.push([number, state.opNumber])
    }
    setTimeout(more, 0)
  }
  more()
}

main().catch(error => {
  tell({ refused: error.message })
  process.exit(2)
})

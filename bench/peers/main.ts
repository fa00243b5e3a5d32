// npm run bench:peers -- [--runs N] [--time MS] [--only TEXT] [--json]: the same work on Holdfast, and on
// Redis, etcd and live-mutex if they are installed (Debian: redis-server, etcd-server).

import { parseArgs } from 'node:util'
import { note, print, printJson, table } from '../../cli/output.ts'
import { wholeNumber } from '../../wire/options.ts'
import { describeMachine, machineLine } from '../machine.ts'
import { comparePeers, missing, type PeerCell, type PeerRow } from './compare.ts'
import { folderLine } from './folder-line.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    time: { type: 'string', default: '3000' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})

const machine = describeMachine()
const rows = await comparePeers({
  runs: wholeNumber('--runs', Number(values.runs), 3, 1, 1_000),
  countMs: wholeNumber('--time', Number(values.time), 3_000, 100, 600_000),
  only: values.only,
  progress: note,
})
if (values.json) printJson({ machine, folder: folderLine(), missing: missing(), rows })
else printTable()

function printTable(): void {
  print(`Pairs of acquire and release a second, p50 of an acquire, and how many times as many Holdfast does`)
  print(`that promises the same: in memory, or on disk; medians of ${values.runs} runs`)
  print(machineLine(machine))
  print(folderLine())
  print('')
  const loads = rows[0]?.cells.map(({ load }) => load.toUpperCase()) ?? []
  for (const line of table(
    ['SERVICE', ...loads],
    rows.map(line => [line.service, ...line.cells.map(cell)]),
  ))
    print(line)
  printShares(rows)
  for (const what of missing()) print(`\nnot compared: ${what} is not installed`)
}

function cell({ pairsPerSecond, acquireP50Ms, holdfastTimes }: PeerCell): string {
  if (pairsPerSecond === 0) return 'none in that time'
  const rate = Math.round(pairsPerSecond).toLocaleString('en')
  return `${rate}/s ${acquireP50Ms.toFixed(acquireP50Ms < 10 ? 2 : 0)} ms ${holdfastTimes.toFixed(holdfastTimes < 10 ? 1 : 0)}x`
}

/** Each waiter's share of the hot key: 1 is an equal share. */
function printShares(rows: readonly PeerRow[]): void {
  const hot = rows.flatMap(({ service, cells }) =>
    cells.flatMap(({ load, shares }) =>
      shares === null ? [] : [[service, load, ...shares.map(each => each.toFixed(3))]],
    ),
  )
  print('')
  for (const line of table(['SERVICE', 'ONE KEY', 'SMALLEST SHARE', 'LARGEST'], hot)) print(line)
}

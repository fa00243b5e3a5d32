// What OPERATIONS says that a machine carries, where the figures come from the file that `npm run figures` wrote. It measures nothing.

import type { Figures } from './figures-table.ts'

/** The loads of the run, as a reader of OPERATIONS knows them. */
const loads: Readonly<Record<string, string>> = {
  '1 outstanding': 'one program that takes one lock after the other',
  '64 outstanding': 'many programs, 64 locks asked for at any time',
  '1024 outstanding': 'many programs, 1,024 locks asked for at any time',
  'hot key, 64 waiters': 'one lock that 64 wait for',
}

export function hardwareText({ date, commit, machine, peers }: Figures): string {
  const [memory, disk] = [false, true].map(durable =>
    peers.find(row => row.durable === durable && row.service.startsWith('Holdfast')),
  )
  if (memory === undefined || disk === undefined) throw new Error('the figures have no row of Holdfast')
  return [
    '| who asks | grants a second, in memory | on disk |',
    '|---|---:|---:|',
    ...memory.cells.map(({ load, pairsPerSecond }) => {
      const onDisk = disk.cells.find(cell => cell.load === load)?.pairsPerSecond ?? Number.NaN
      return `| ${loads[load] ?? load} | ${whole(pairsPerSecond)} | ${whole(onDisk)} |`
    }),
    '',
    `\`npm run figures\`, ${date}, commit ${commit}: ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGib} GiB, Node ${machine.node}, for all servers *and* the programs.`,
  ].join('\n')
}

function whole(rate: number): string {
  return Math.round(rate).toLocaleString('en')
}

// Counts what the code of this house, or of another checkout of it, is made of: a table of rooms, then the classes with many fields,
// the places that step a core, and the fields in which a lock server keeps a view. It judges nothing.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { type Counted, count, fieldsMax } from './count.ts'

const usage = `npm run numbers -- [FOLDER]

  FOLDER  a checkout of this project; default: this one
`

const rooms = ['wire', 'viewservice', 'lockserver', 'client', 'cli', 'testing', 'dashboard', 'bench', 'test']
/** The rooms that decide and carry: casts are counted against their lines. */
const core = ['wire', 'viewservice', 'lockserver', 'client']

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { help: { type: 'boolean', default: false } },
})
if (values.help) process.stdout.write(usage)
else process.stdout.write(report(resolve(positionals[0] ?? new URL('../../../', import.meta.url).pathname)))

function report(root: string): string {
  const counted = new Map(
    rooms.filter(room => existsSync(`${root}/${room}`)).map(room => [room, read(root, room)]),
  )
  const all = [...counted.values()].flat()
  const inCore = core.flatMap(room => counted.get(room) ?? [])
  const wide = all.flatMap(({ classes }) => classes).filter(({ fields }) => fields > fieldsMax)
  const lines = [
    'room         files   lines  functions  median  p90  max  casts  any  !',
    ...[...counted].map(([room, files]) => row(room, files)),
    '',
    `casts in 1,000 lines of ${core.join(', ')}: ${((1_000 * sum(inCore, 'casts')) / sum(inCore, 'lines')).toFixed(1)}`,
    `classes with more than ${fieldsMax} fields: ${wide.length}`,
    ...wide
      .sort((a, b) => b.fields - a.fields)
      .map(({ place, name, fields }) => `  ${fields} ${name} (${place})`),
    ...list(
      'files that step a core',
      all.filter(({ steps }) => steps),
    ),
    ...list(
      'fields of a lock server that hold a view',
      counted.get('lockserver') ?? [],
      ({ views }) => views,
    ),
    ...list('functions of more than 5 parameters, without tests', inCore, ({ longHeads }) => longHeads),
  ]
  return `${lines.join('\n')}\n`
}

function read(root: string, room: string): Counted[] {
  return readdirSync(`${root}/${room}`, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .sort()
    .map(name => count(parse(`${room}/${name}`, readFileSync(`${root}/${room}/${name}`, 'utf8'))))
}

function parse(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)
}

function row(room: string, files: readonly Counted[]): string {
  const lengths = files.flatMap(({ functions }) => functions).sort((a, b) => a - b)
  const at = (part: number) => lengths[Math.min(lengths.length - 1, Math.floor(part * lengths.length))] ?? 0
  const numbers = [
    [files.length, 5],
    [sum(files, 'lines'), 8],
    [lengths.length, 11],
    [at(0.5), 8],
    [at(0.9), 5],
    [at(1), 5],
    [sum(files, 'casts'), 7],
    [sum(files, 'anys'), 5],
    [sum(files, 'bangs'), 3],
  ] as const
  return room.padEnd(13) + numbers.map(([number, width]) => String(number).padStart(width)).join('')
}

function list(
  title: string,
  files: readonly Counted[],
  of: (file: Counted) => readonly string[] = ({ file }) => [file],
): string[] {
  const found = files.flatMap(of)
  return [`${title}: ${found.length}`, ...found.map(each => `  ${each}`)]
}

function sum(files: readonly Counted[], of: 'lines' | 'casts' | 'anys' | 'bangs'): number {
  return files.reduce((total, file) => total + file[of], 0)
}

// How many planted bugs a file should have, by its size: mistakes are made everywhere, and where none is planted
// nothing is shown. It counts lines of code that are left once types are gone, since a type can't do anything.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mutant } from './mutant.ts'
import { root } from './plant.ts'

/** Cores, client and drivers. */
const folders = ['lockserver', 'viewservice', 'client', 'wire']
/** A file with fewer lines may have none. */
const smallest = 30
const linesPerBug = 60

export interface Share {
  readonly file: string
  readonly lines: number
  readonly least: number
  readonly planted: number
}

/** Every file of these folders, and its share. */
export function sharesOf(mutants: readonly Mutant[]): Share[] {
  const planted = new Map<string, number>()
  for (const mutant of mutants)
    for (const file of new Set(mutant.edits.map(({ file }) => file)))
      planted.set(file, (planted.get(file) ?? 0) + 1)
  const sources = folders.flatMap(sourcesIn)
  const shares = sources.filter(file => !isTable(file)).map(file => shareOf(file, [file], planted))
  return [...shares, shareOf('wire/messages/', sources.filter(isTable), planted)]
}

/** The tables of all messages count as one. */
function isTable(file: string): boolean {
  return file.startsWith('wire/messages')
}

function shareOf(name: string, files: readonly string[], planted: ReadonlyMap<string, number>): Share {
  const sum = (of: (file: string) => number) => files.reduce((sum, file) => sum + of(file), 0)
  const lines = sum(linesOf)
  const least = lines < smallest ? 0 : Math.ceil(lines / linesPerBug)
  return { file: name, lines, least, planted: sum(file => planted.get(file) ?? 0) }
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      const path = `${folder}/${entry.name}`
      if (entry.isDirectory()) return sourcesIn(path)
      return /(?<!\.d)\.ts$/.test(path) ? [path] : []
    })
}

/** Of the built file: types are gone, comments still there. */
function linesOf(file: string): number {
  const built = readFileSync(join(root, 'dist', file.replace(/ts$/, 'js')), 'utf8')
  const code = built
    .replace(/^\s*\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
    .replace(/^import [\s\S]*? from .*$/gm, '')
  return code.split('\n').filter(line => /\w/.test(line)).length
}

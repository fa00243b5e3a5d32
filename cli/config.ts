// `--print-config`: what a server would run with, and where each value comes from. It starts nothing.

import { type Command, flag, type Given, type Option, type Options } from './arguments.ts'
import { paint, print, table } from './output.ts'

export const printConfig = {
  'print-config': flag('print what it would run with and where each value comes from, and end'),
}

/** True if the command line asked only for that. */
export function printsConfig<O extends Options>(command: Command<O>, given: Given<O>): boolean {
  if (!(given.values as Record<string, unknown>)['print-config']) return false
  const lines = table(['OPTION', 'VALUE', 'FROM'], rowsOf(command, given))
  for (const [i, line] of lines.entries()) print(i === 0 ? paint('dim', line) : line)
  return true
}

function rowsOf<O extends Options>({ options, passesOn }: Command<O>, { from }: Given<O>): string[][] {
  return Object.entries<Option<unknown>>({ ...options, ...passesOn })
    .filter(([name]) => name !== 'print-config' && name !== 'json')
    .map(([name, { fallback, secret }]) => {
      const { source, text, variable = '' } = from[name] ?? { source: 'default', text: undefined }
      const shown = secret && source !== 'default' ? '(hidden)' : (text ?? fallback ?? '(none)')
      const origin = { flag: `flag --${name}`, environment: variable, default: 'default' }
      return [name, shown, origin[source]]
    })
}

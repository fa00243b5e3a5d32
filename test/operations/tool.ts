// Runs a system tool for a check, and says what to install if it is missing.

import { spawnSync } from 'node:child_process'

/** Its output; throws with all of it if the tool failed. `from`: the package that has it. */
export function tool(name: string, args: readonly string[], from: string, input = '', cwd = '.'): string {
  const { error, status, stdout, stderr } = spawnSync(name, args, { input, cwd, encoding: 'utf8' })
  if (error !== undefined)
    throw new Error(`${name} can't be run (${error.message}); it is in Debian's package ${from}`)
  const text = `${stdout}${stderr}`.trim()
  if (status !== 0) throw new Error(`${name} ${args.join(' ')} ended with ${status}:\n${text}`)
  return text
}

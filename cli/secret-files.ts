// Secrets out of files: HOLDFAST_SECRET_FILE names a file that holds what HOLDFAST_SECRET would, and so does NAME_FILE for each
// secret option. Container systems hand secrets over as files. They are read once, before the options; it shows nothing of them.

import { readFileSync } from 'node:fs'
import { environmentName, fileVariable, type Options } from './arguments.ts'
import { messageOf, UsageError } from './failure.ts'

/** Puts what the files hold into the environment, where everything else looks for it. */
export function takeSecretFiles(options: Options, environment: NodeJS.ProcessEnv): void {
  const mistakes = Object.entries(options).flatMap(([name, option]) =>
    option.secret && option.environment ? takeOne(name, environment) : [],
  )
  if (mistakes.length > 0) throw new UsageError(mistakes.join('\n'))
}

/** What is wrong with this one. */
function takeOne(option: string, environment: NodeJS.ProcessEnv): readonly string[] {
  const [name, variable] = [environmentName(option), fileVariable(option)]
  const file = environment[variable]
  if (!file) return []
  try {
    const secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '')
    if (secret === '') return [`${variable}: ${file} is empty`]
    const given = environment[name]
    if (given && given !== secret) return [`${name} and ${variable} differ; give one of them`]
    environment[name] = secret
    return []
  } catch (error) {
    return [`${variable}: can't be read: ${messageOf(error)}`]
  }
}

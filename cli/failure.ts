// How a command fails: one line for stderr and an exit code.

export class Failure extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.name = 'Failure'
    this.exitCode = exitCode
  }
}

/** The command was used wrongly; it did nothing. */
export class UsageError extends Failure {
  constructor(message: string) {
    super(message, 2)
    this.name = 'UsageError'
  }
}

/** `run` could not run its command: used wrongly, no cluster, no session. As env(1) and timeout(1) have it. */
export const couldNotRun = 125
/** `run` and `hold`: the lock was not acquired (EX_TEMPFAIL), or it was lost while held. */
export const notAcquired = 75
export const lockLost = 76
/** `run --timeout`, as timeout(1) has it. */
export const tookTooLong = 124

/** What the package calls its options, as the command calls them. */
export function inOptions(text: string): string {
  return text.replace(/\bholdAt(Least|Most)\b/g, (_, which) => `--at-${which.toLowerCase()}`)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

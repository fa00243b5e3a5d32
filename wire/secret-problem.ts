// What is wrong with a text that shall be a secret: found where a program starts, not when its first peer
// is turned away. It says nothing about how hard a secret is to guess.

/** Of a secret, in characters. */
const secretLengthMax = 1_024

/** Undefined when it can be a secret. The problem never repeats the secret. */
export function secretProblem(secret: unknown): string | undefined {
  return proofProblem(secret, secretLengthMax)
}

/** Likewise of an access token, which may be longer. */
export function proofProblem(secret: unknown, lengthMax: number): string | undefined {
  if (typeof secret !== 'string') return 'must be a string'
  if (secret.trim() === '') return 'must not be empty or blank'
  if (!secret.isWellFormed()) return 'must not contain lone surrogates'
  const length = [...secret].length
  return length > lengthMax ? `must have at most ${lengthMax} characters, not ${length}` : undefined
}

/** Of an option: the secret, null if there is none; anything else is a TypeError. */
export function checkSecret(secret: unknown): string | null {
  if (secret === undefined) return null
  const problem = secretProblem(secret)
  if (problem !== undefined) throw new TypeError(`secret ${problem}`)
  return secret as string
}

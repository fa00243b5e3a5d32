// What a client of Redis puts under its locks to know them again: unguessable for others, and no two alike. Drawing random
// bytes for each lock would cost as much as half of the rest.

import { randomBytes } from 'node:crypto'

const ofThisProcess = randomBytes(16).toString('hex')
let last = 0

export function newSecret(): string {
  return `${ofThisProcess}/${++last}`
}

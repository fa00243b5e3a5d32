// Readers and a writer share a file: node readers-and-writer.js ws://127.0.0.1:7400 FILE read|write. Any
// number read at a time, and none while it is written: no reader ever sees half of it.

import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'holdfast'

const [, , url, file = 'balance.txt', role] = process.argv
const rounds = 50

const locks = await connect(url, { name: role })
for (let round = 1; round <= rounds; round++) {
  if (role === 'write') await locks.request(file, () => write(round))
  else await locks.request(file, { mode: 'shared' }, read)
}
console.log(`${role}: ${rounds} times`)
await locks.close()

/** In two steps, as a careless program would. */
async function write(round: number): Promise<void> {
  await writeFile(file, `${round}\n`)
  await writeFile(file, `${round}\n`, { flag: 'a' })
}

async function read(): Promise<void> {
  const [first, second] = (await readFile(file, 'utf8')).split('\n')
  if (first !== second) throw new Error(`half of a write was seen: ${first} and ${second}`)
}

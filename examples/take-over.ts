// Takes a lock over from a holder that is stuck, and from nobody else: node take-over.js ws://127.0.0.1:7400 NAME.
// Between a look and a deed the stuck one may have gone, and a healthy successor may hold the lock; so the deed
// names the token that was seen.

import { connect, LockError } from 'holdfast'

const [, , url, name = 'work'] = process.argv
const locks = await connect(url, { name: 'supervisor' })
const { held } = await locks.query({ prefix: name })
const stuck = held.find(hold => hold.name === name && hold.terms?.note === 'stuck')
if (stuck === undefined) console.log('nobody is stuck')
else {
  try {
    const lock = await locks.acquire(name, { steal: { token: stuck.token }, note: 'repairs' })
    console.log(`took it over from ${stuck.clientName}`)
    await lock.release()
  } catch (error) {
    if (!(error instanceof LockError) || error.code !== 'NOT_THIS_TOKEN') throw error
    console.log('it was gone already')
  }
}
await locks.close()

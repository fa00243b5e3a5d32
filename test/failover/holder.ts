// A client process that holds one lock until it is killed.

import { connect } from '../../client/index.ts'

const [view, name, ttl] = process.argv.slice(2) as [string, string, string]
const locks = await connect(view, { ttl: Number(ttl), name: 'holder' })
const lock = await locks.acquire(name)
process.send?.({ token: lock.token })
process.on('disconnect', () => process.exit(0))

// The referee: a separate process that receives every grant, and every release before it is asked for. It
// knows which worker believes in which lock, and sees tokens that do not grow. A line in, a line out.

import { createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

interface Belief {
  readonly who: string
  readonly token: number
}

const holders = new Map<string, Belief>()
const lastToken = new Map<string, number>()
const violations: string[] = []
let operations = 0

function take(who: string, name: string, token: number): void {
  operations++
  const holder = holders.get(name)
  if (holder !== undefined)
    violations.push(`${name}: ${who} has it with ${token}, and so has ${holder.who} with ${holder.token}`)
  const last = lastToken.get(name) ?? 0
  if (token <= last) violations.push(`${name}: token ${token} of ${who} does not exceed ${last}`)
  holders.set(name, { who, token })
  lastToken.set(name, token)
}

function drop(who: string, name: string, token: number): void {
  operations++
  const holder = holders.get(name)
  if (holder?.token !== token || holder.who !== who)
    violations.push(`${name}: ${who} drops ${token}, which it does not have`)
  holders.delete(name)
}

/** `take WHO NAME TOKEN`, `drop WHO NAME TOKEN`, `forget WHO` (it was killed), `report`. */
function obey(line: string, socket: Socket): void {
  const [verb, who = '', name = '', token = ''] = line.split(' ')
  if (verb === 'take') take(who, name, Number(token))
  else if (verb === 'drop') drop(who, name, Number(token))
  else if (verb === 'forget')
    for (const [lock, { who: holder }] of holders) if (holder === who) holders.delete(lock)
  if (verb === 'report') {
    socket.write(`${JSON.stringify({ operations, violations, held: [...holders.keys()] })}\n`)
    operations = 0
    violations.length = 0
  } else if (verb !== 'take') socket.write('\n')
}

const server = createServer({ noDelay: true }, socket => {
  socket.on('error', () => {})
  createInterface({ input: socket }).on('line', line => obey(line, socket))
})
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as { port: number }).port }))
process.on('disconnect', () => process.exit(0))

// A database that refuses old tokens, behind HTTP: node guarded-database.js FOLDER. Takes
// PUT /orders/42?state=paid with the header Holdfast-Token; 412: that holder has lost its lock.

import { createServer } from 'node:http'
import { PGlite } from '@electric-sql/pglite'
import { parseToken, tokenHeader } from 'holdfast/fencing'

const db = await PGlite.create(process.argv[2])
await db.exec(`CREATE TABLE IF NOT EXISTS orders (id int PRIMARY KEY, state text, token bigint NOT NULL);
  INSERT INTO orders VALUES (42, 'open', 0) ON CONFLICT DO NOTHING`)
const update = 'UPDATE orders SET state = $1, token = $2 WHERE id = $3 AND token <= $2'

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost')
  try {
    const { token } = parseToken(request.headers[tokenHeader.toLowerCase()])
    const id = Number(pathname.replace('/orders/', ''))
    const { affectedRows } = await db.query(update, [searchParams.get('state'), token, id])
    response.writeHead(affectedRows === 1 ? 204 : 412).end()
  } catch (error) {
    response.writeHead(error instanceof TypeError ? 400 : 500).end(String(error))
  }
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as { port: number }
  console.log(`http://127.0.0.1:${port}`)
})
process.once('SIGTERM', async () => {
  server.close()
  server.closeAllConnections()
  await db.close()
})

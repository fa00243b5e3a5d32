// npm run harm -- FOLDER: what a peer with a client's proof can do to the servers of another build of this project, which
// know one secret for everybody. It tells of each row whether there was harm; each row gets a cluster of its own.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Row, rows } from './rows.ts'
import { settled, type Target, Victim } from './target.ts'

const secret = 'the secret of everybody'
const pings = { pingIntervalMs: 50, deadPings: 10, secret }

interface Server {
  readonly address: string
  kill(): Promise<void>
}
type Start = (options: object) => Promise<Server>

const [folder] = process.argv.slice(2)
if (folder === undefined) {
  console.error('name the folder of a build: npm run harm -- FOLDER')
  process.exit(2)
}

async function startOf(room: string, name: string): Promise<Start> {
  const module: Record<string, unknown> = await import(
    pathToFileURL(join(folder ?? '', 'dist', room, 'index.js')).href
  )
  return module[name] as Start
}

const startViewServer = await startOf('viewservice', 'startViewServer')
const startLockServer = await startOf('lockserver', 'startLockServer')

for (const row of rows) console.log(`${await outcomeOf(row)}  ${row.name}`)
process.exit()

async function outcomeOf(row: Row): Promise<string> {
  const data = mkdtempSync(join(tmpdir(), 'holdfast-harm-'))
  const view = await startViewServer({ ...pings, port: 0, data, newCluster: true })
  const servers = [1, 2, 3].map(() => startLockServer({ ...pings, view: view.address }))
  const started = await Promise.all(servers)
  const target = targetOf(view, started, data)
  try {
    await settled(target)
    const victim = await Victim.start(target)
    const { answer, harm } = await row.act(target)
    const found = [...(harm === undefined ? [] : [harm]), ...(await victim.harm())]
    return `${found.length > 0 ? 'HARM' : 'none'}  ${found.join('; ').slice(0, 140)}  (${answer})`
  } finally {
    for (const server of [...started, view]) await server.kill()
    rmSync(data, { recursive: true, force: true })
  }
}

function targetOf(view: Server, servers: readonly Server[], data: string): Target {
  const target: Target = {
    wire: 1,
    view: view.address,
    proof: secret,
    worksBy: secret,
    record: () => textIn(data),
    killOthers: async () => {
      const { primary } = await settled(target)
      for (const server of servers) if (server.address !== primary.address) await server.kill()
    },
  }
  return target
}

function textIn(data: string): string {
  return readdirSync(data, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n')
}

// D9: one process writes into a journal's folder. It listens on a socket in it: a frozen process still accepts, a dead
// one refuses, and neither a restart nor another container can mistake its number. Whoever takes over links the next
// number; the largest one holds. This works on one machine; what comes from another is for D4's proof to decide.

import { link, open, readdir, unlink } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join, relative } from 'node:path'

/** What the system allows for the name of a socket, with a zero behind it: 108 in Linux, 104 in macOS. */
const socketPathBytesMax = process.platform === 'linux' ? 107 : 103
const holderName = /^holder-(\d+)$/
/** As often two starters may have got into each other's way. */
const triesMax = 20

export interface Hold extends AsyncDisposable {
  readonly number: number
}

/** `id`: of this start of the process. Rejects with one clear line if another process holds the folder. */
export async function hold(folder: string, id: string): Promise<Hold> {
  const place = await placeOf(folder)
  try {
    for (let tries = 0; tries < triesMax; tries++) {
      const held = await tryToHold(folder, place.path, `.holder-${id.slice(0, 8)}${tries}`)
      if (held !== undefined) return heldBy(held, place)
    }
  } catch (error) {
    await place.close()
    throw error
  }
  await place.close()
  throw new Error(
    `the journal's folder ${folder} can't be held: other processes try to, too. Only one may use it`,
  )
}

function heldBy({ server, number }: Held, place: SocketPlace): Hold {
  return {
    number,
    async [Symbol.asyncDispose]() {
      await new Promise<void>(resolve => server.close(() => resolve()))
      await place.close()
    },
  }
}

interface Held {
  readonly server: Server
  readonly number: number
}

/** Undefined: another process was faster, so all is to be looked at again. */
async function tryToHold(
  folder: string,
  path: (name: string) => string,
  own: string,
): Promise<Held | undefined> {
  const last = await lastHolder(folder)
  if (last > 0 && (await isHeld(path(`holder-${last}`))))
    throw new Error(
      `another process uses the journal's folder ${folder}, or is frozen and could wake up. Only one may; end the other, or give this server its own folder`,
    )
  const server = await listening(path(own))
  const number = last + 1
  try {
    await link(join(folder, own), join(folder, `holder-${number}`))
  } catch (error) {
    server.close()
    if (codeOf(error) === 'EEXIST') return undefined
    throw unusable(folder, error)
  } finally {
    await removed(join(folder, own))
  }
  if ((await lastHolder(folder)) === number) {
    await tidy(folder, number)
    return { server, number }
  }
  server.close()
  await removed(join(folder, `holder-${number}`))
  return undefined
}

/** The largest number; 0: no process ever held it. */
async function lastHolder(folder: string): Promise<number> {
  try {
    const names = await readdir(folder)
    return Math.max(0, ...names.map(name => Number(holderName.exec(name)?.[1] ?? 0)))
  } catch (error) {
    throw unusable(folder, error)
  }
}

/** What processes that are gone have left; no larger number is touched. */
async function tidy(folder: string, number: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const old = Number(holderName.exec(name)?.[1] ?? number)
    if (old < number) await removed(join(folder, name))
  }
}

/** Whether a process listens there: one that is too busy to answer (EAGAIN) does. */
export function isHeld(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', error => {
      const code = codeOf(error)
      if (code === 'ECONNREFUSED' || code === 'ENOENT' || code === 'ENOTSOCK') resolve(false)
      else if (code === 'EAGAIN') resolve(true)
      else reject(new Error(`whether a process uses the journal at ${path} can't be told: ${error.message}`))
    })
  })
}

/** For a reader beside it: whether a process holds the folder. */
export async function isFolderHeld(folder: string): Promise<boolean> {
  const last = await lastHolder(folder)
  if (last === 0) return false
  const place = await placeOf(folder)
  try {
    return await isHeld(place.path(`holder-${last}`))
  } finally {
    await place.close()
  }
}

function listening(path: string): Promise<Server> {
  const server = createServer(socket => socket.destroy())
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', error => reject(new Error(`can't hold the journal's folder: ${error.message}`)))
    server.listen(path, () => resolve(server))
  })
}

/** How sockets in the folder are named, since a socket's path may not be long. */
interface SocketPlace {
  path(name: string): string
  close(): Promise<void>
}

async function placeOf(folder: string): Promise<SocketPlace> {
  const longest = '.holder-00000000'
  for (const way of [folder, relative(process.cwd(), folder) || '.'])
    if (Buffer.byteLength(join(way, longest)) <= socketPathBytesMax)
      return { path: name => join(way, name), close: async () => {} }
  if (process.platform !== 'linux') throw tooLong(folder, longest)
  const handle = await open(folder, 'r')
  return { path: name => `/proc/self/fd/${handle.fd}/${name}`, close: () => handle.close() }
}

function tooLong(folder: string, longest: string): Error {
  const most = socketPathBytesMax - longest.length - 1
  const bytes = Buffer.byteLength(folder)
  return new Error(
    `the path of the journal's folder has ${bytes} bytes, and a socket must fit in it: ${most} are the most here. Choose a shorter one, or start the server nearer to it: ${folder}`,
  )
}

async function removed(path: string): Promise<void> {
  await unlink(path).catch(() => {}) // a name that stays does no harm
}

function unusable(folder: string, error: unknown): Error {
  const text = error instanceof Error ? error.message : String(error)
  return new Error(`can't use the journal's folder ${folder}: ${text}`, { cause: error })
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

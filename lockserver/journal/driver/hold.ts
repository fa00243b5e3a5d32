// D9: one process writes into a journal's folder, and listens on a socket in it (folder-socket.ts). Whoever takes over
// links the next number; the largest one holds. This works on one machine; what comes from another is for D4's proof
// to decide.

import { link, readdir, unlink } from 'node:fs/promises'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { isListenedTo, listenAt, type SocketPlace, socketPlace } from '../../../wire/serving/folder-socket.ts'

/** With the number of a try, of at most two digits. */
const longestName = '.holder-0000000000'
const holderName = /^holder-(\d+)$/
/** As often two starters may have got into each other's way. */
const triesMax = 20

export interface Hold extends AsyncDisposable {
  readonly number: number
}

/** `id`: of this start of the process. Rejects with one clear line if another process holds the folder. */
export async function hold(folder: string, id: string): Promise<Hold> {
  const place = await socketPlace(folder, longestName)
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
  if (last > 0 && (await isListenedTo(path(`holder-${last}`))))
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

/** For a reader beside it: whether a process holds the folder. */
export async function isFolderHeld(folder: string): Promise<boolean> {
  const last = await lastHolder(folder)
  if (last === 0) return false
  const place = await socketPlace(folder, longestName)
  try {
    return await isListenedTo(place.path(`holder-${last}`))
  } finally {
    await place.close()
  }
}

async function listening(path: string): Promise<Server> {
  try {
    return await listenAt(path)
  } catch (error) {
    throw new Error(`can't hold the journal's folder: ${textOf(error)}`, { cause: error })
  }
}

async function removed(path: string): Promise<void> {
  await unlink(path).catch(() => {}) // a name that stays does no harm
}

function unusable(folder: string, error: unknown): Error {
  return new Error(`can't use the journal's folder ${folder}: ${textOf(error)}`, { cause: error })
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}

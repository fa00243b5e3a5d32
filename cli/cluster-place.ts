// Where a local cluster runs: its ports, and the folder of its record and logs. If one is not available, it
// says so in one line before anything is started.

import { lstat, mkdtemp } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { initCluster } from '../viewservice/index.ts'
import type { StoredRecord } from '../viewservice/record.ts'
import { lookAtRecord } from '../viewservice/stores/file.ts'
import type { Durability } from '../wire/messages.ts'
import { makeFolder } from '../wire/serving/own-folder.ts'
import { folderPrefix, markFolder, sweepFolders } from './cluster-sweep.ts'
import { Failure, messageOf, UsageError } from './failure.ts'

/** `members`: the numbers of its lock servers, each of which has the port that is so much higher. */
export async function checkPorts(port: number, members: readonly number[]): Promise<void> {
  if (port === 0) return
  const row = Math.max(...members)
  if (port + row > 65_535)
    throw new UsageError(`--port ${port} leaves no room for ${row} lock servers above it; give a smaller one`)
  for (const above of [0, ...members]) await checkPort(port + above, row)
}

/** Throws when the port is not free; `row`: how many more ports in a row are needed. */
export async function checkPort(port: number, row: number): Promise<void> {
  const server = createServer()
  try {
    await new Promise<void>((listening, failed) => {
      server.once('error', failed)
      server.listen(port, '127.0.0.1', listening)
    })
    await new Promise(closed => server.close(closed))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      code === 'EADDRINUSE' ? 'is taken (perhaps another cluster runs)' : `can't be used: ${message}`
    throw new Failure(
      `port ${port} ${why}; a cluster of ${row} needs ${row + 1} ports in a row: give --port a free one, or 0 for any`,
    )
  }
}

export interface Place {
  readonly data: string
  /** The newest view record in it. */
  readonly record: StoredRecord | null
}

export async function openFolder(given: string | undefined): Promise<Place> {
  const data = given === undefined ? await temporaryFolder() : resolve(given)
  try {
    await makeFolder(join(data, 'logs'))
    await checkOwnFolder(join(data, 'logs'))
  } catch (error) {
    throw new Failure(
      `can't write to the data folder ${data}: ${messageOf(error)}; give --data a folder that this user may write to`,
    )
  }
  try {
    return { data, record: await lookAtRecord(data) }
  } catch (error) {
    throw new Failure(messageOf(error))
  }
}

/** E6: in a folder that was made for it; journals there are those of a cluster whose record was lost. */
export async function beginIn(
  data: string,
  durability: Durability,
  groups: number,
  journals: readonly number[],
): Promise<void> {
  if (journals.length > 0)
    throw new Failure(
      `the folder ${data} has journals of lock servers and no view record, so that was lost: start these lock servers by hand, and holdfast adopt rebuilds it; for a new cluster give --data another folder`,
    )
  await initCluster({ data, durability, groups, nobodyHasRun: true })
}

async function temporaryFolder(): Promise<string> {
  await sweepFolders()
  const folder = await mkdtemp(join(tmpdir(), folderPrefix))
  await markFolder(folder)
  return folder
}

/** Who else may write to the folder could lead the logs anywhere with a link. */
async function checkOwnFolder(path: string): Promise<void> {
  if (!(await lstat(path)).isDirectory()) throw new Error(`${path} is a link, or no folder`)
}

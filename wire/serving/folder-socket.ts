// A socket in a folder, on which a process listens for as long as it lives: a frozen one still takes connections, a dead one
// refuses, and neither a restart nor another container can mistake its number. Who listens, and what that means, is for a
// journal's hold (D9) and a view server's mark (E3) to say. It works on one machine.

import { open } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { join, relative } from 'node:path'

/** What the system allows for the name of a socket, with a zero behind it: 108 in Linux, 104 in macOS. */
const pathBytesMax = process.platform === 'linux' ? 107 : 103

/** How sockets in a folder are named, since a socket's path may not be long. */
export interface SocketPlace {
  path(name: string): string
  close(): Promise<void>
}

/** `longest`: no name of a socket there has more characters. Rejects with one clear line if the folder's path is too long. */
export async function socketPlace(folder: string, longest: string): Promise<SocketPlace> {
  for (const way of [folder, relative(process.cwd(), folder) || '.'])
    if (Buffer.byteLength(join(way, longest)) <= pathBytesMax)
      return { path: name => join(way, name), close: async () => {} }
  if (process.platform !== 'linux') throw tooLong(folder, longest)
  const handle = await open(folder, 'r')
  return { path: name => `/proc/self/fd/${handle.fd}/${name}`, close: () => handle.close() }
}

function tooLong(folder: string, longest: string): Error {
  const most = pathBytesMax - longest.length - 1
  return new Error(
    `the path of the folder has ${Buffer.byteLength(folder)} bytes, and a socket must fit in it: ${most} are the most here. Choose a shorter one, or start the server nearer to it: ${folder}`,
  )
}

/** It keeps no process alive. */
export function listenAt(path: string): Promise<Server> {
  const server = createServer(socket => socket.destroy())
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => resolve(server))
  })
}

/** Whether a process listens there: one that is too busy to answer (EAGAIN) does. Rejects if it can't be told. */
export function isListenedTo(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', error => {
      const { code = '' } = error as NodeJS.ErrnoException
      if (code === 'EAGAIN') resolve(true)
      else if (gone.has(code)) resolve(false)
      else reject(new Error(`whether a process listens at ${path} can't be told: ${error.message}`))
    })
  })
}

const gone: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'])

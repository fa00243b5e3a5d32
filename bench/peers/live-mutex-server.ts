// A broker of live-mutex on this machine.

import { connect } from 'node:net'
import { freePort } from '../../test/fixtures/server-processes.ts'
import type { Service } from '../target.ts'
import { Programs } from './installed.ts'
import { brokerFile, howToInstall } from './live-mutex-package.ts'

export async function liveMutexBroker(name: string): Promise<Service> {
  const file = brokerFile()
  if (file === undefined) throw new Error(`live-mutex is not installed: ${howToInstall}`)
  const programs = new Programs()
  try {
    const port = await freePort()
    const place = JSON.stringify({ host: '127.0.0.1', port })
    const pid = programs.start(process.execPath, ['--v8-pool-size=0', file, '--json', place])
    await programs.until(() => listens(port), 'live-mutex')
    return {
      name,
      target: 'peers/live-mutex.js',
      address: `tcp://127.0.0.1:${port}`,
      processes: [{ role: 'server', pid }],
      [Symbol.asyncDispose]: () => programs[Symbol.asyncDispose](),
    }
  } catch (error) {
    await programs[Symbol.asyncDispose]()
    throw error
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    const end = (listening: boolean) => {
      socket.destroy()
      resolve(listening)
    }
    socket.on('connect', () => end(true)).on('error', () => end(false))
  })
}

// The package live-mutex, if it is installed. It is no dependency: its install script fetches a file from the network and
// writes into the home folder.

import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export const liveMutexVersion = '0.2.25'
export const howToInstall = `npm install --no-save --ignore-scripts live-mutex@${liveMutexVersion}`

export interface LiveMutexClient {
  ensure(): Promise<unknown>
  acquire(key: string): Promise<{ readonly id: string }>
  release(key: string, options: { readonly _uuid: string }): Promise<unknown>
  close(): void
}

interface LiveMutex {
  readonly Client: new (options: {
    readonly host: string
    readonly port: number
    readonly ttl: number
    readonly lockRequestTimeout: number
  }) => LiveMutexClient
}

export function liveMutex(): LiveMutex {
  return require('live-mutex')
}

/** The file that serves; undefined: it is not installed. */
export function brokerFile(): string | undefined {
  try {
    return require.resolve('live-mutex/dist/lm-start-server.js')
  } catch {
    return undefined
  }
}

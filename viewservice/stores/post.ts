// Requests to etcd's gateway, plain or with TLS: whom to believe and what to show of itself stand in files, which are read again
// after a failure, so that new ones are taken while the server runs. It says nothing of what a failure means.

import { readFileSync } from 'node:fs'
import { request as askPlain, type IncomingMessage, Agent as PlainAgent } from 'node:http'
import { request as askSecure, Agent as SecureAgent } from 'node:https'

/** Files in PEM; null: there is none. */
export interface RecordTls {
  /** The authority that is believed, in place of those that Node knows. */
  readonly ca: string | null
  /** What is shown to an etcd that asks for a certificate, and its key. */
  readonly cert: string | null
  readonly key: string | null
}

export const noTls: RecordTls = { ca: null, cert: null, key: null }

/** How long a connection that is not used is kept. */
const idleMs = 10_000

export class Poster {
  readonly #tls: RecordTls
  readonly #plain = new PlainAgent({ keepAlive: true, timeout: idleMs })
  #material: Material
  #secure: SecureAgent

  /** Throws a TypeError that names the file that can't be used. */
  constructor(tls: RecordTls) {
    this.#tls = tls
    this.#material = materialOf(tls)
    this.#secure = agentOf(this.#material)
  }

  /** Resolves once the answer begins. */
  post(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const length = { 'content-length': Buffer.byteLength(body) }
    const options = { method: 'POST', headers: { ...headers, ...length }, signal }
    return new Promise((resolve, reject) => {
      const request = url.startsWith('https:')
        ? askSecure(url, { ...options, agent: this.#secure }, resolve)
        : askPlain(url, { ...options, agent: this.#plain }, resolve)
      request.once('error', reject)
      request.end(body)
    })
  }

  /** The next connection is made by the files as they are now; those that are there go on until they are idle. */
  readAgain(): void {
    try {
      const material = materialOf(this.#tls)
      if (isSame(material, this.#material)) return
      this.#secure = agentOf(material)
      this.#material = material
    } catch {
      // A file that is being replaced: what was read before still counts.
    }
  }

  close(): void {
    this.#plain.destroy()
    this.#secure.destroy()
  }
}

/** What is in the files that there are. */
type Material = Readonly<Partial<Record<keyof RecordTls, Buffer>>>

function materialOf({ ca, cert, key }: RecordTls): Material {
  return {
    ...(ca !== null && { ca: bytesOf(ca, 'ca') }),
    ...(cert !== null && { cert: bytesOf(cert, 'cert') }),
    ...(key !== null && { key: bytesOf(key, 'key') }),
  }
}

function isSame(a: Material, b: Material): boolean {
  return (['ca', 'cert', 'key'] as const).every(
    name => a[name] === b[name] || a[name]?.equals(b[name] ?? none),
  )
}
const none = Buffer.alloc(0)

function agentOf(material: Material): SecureAgent {
  return new SecureAgent({ keepAlive: true, timeout: idleMs, ...material })
}

function bytesOf(file: string, name: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new TypeError(`record: the file of ${name} can't be read: ${(error as Error).message}`)
  }
}

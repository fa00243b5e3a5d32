// The TLS of one server while it runs (A5): what is in force, and what becomes of new files. They are looked at again and
// again, and read on demand; what is spoilt changes nothing and is told. Open connections never notice.

import { constants } from 'node:crypto'
import { stat } from 'node:fs/promises'
import type { TlsOptions as NodeTlsOptions } from 'node:tls'
import { readClock } from '../../clock.ts'
import { certificateEndsSoonMs, tlsFilesEveryMs } from '../../limits.ts'
import { clearTimeout, setTimeout } from '../timers-node.ts'
import type { DialTls } from './dial.ts'
import { type OwnCertificate, readTls, type TlsMaterial } from './material.ts'
import type { TlsFiles } from './options.ts'
import { isFor, namesOf } from './said.ts'

export type TlsNote = (level: 'info' | 'warn' | 'error', text: string, fields: object) => void

/** Why a connection was ended because of TLS, for the metrics. */
export type TlsRefusal = 'plain' | 'handshake' | 'late' | 'quiet'

export class ServerTls {
  /** Files that were taken, and that were not, since the start. */
  readonly reloads = { taken: 0, refused: 0 }
  /** The files as they are now can't be used; what was in force before still is. */
  spoilt = false
  readonly refusals: Record<TlsRefusal, number> = { plain: 0, handshake: 0, late: 0, quiet: 0 }
  readonly #files: TlsFiles
  readonly #heard = new Set<(options: NodeTlsOptions) => void>()
  #material: TlsMaterial
  #note: TlsNote = () => {}
  #advertised = ''
  #timer: NodeJS.Timeout | undefined
  #stamp = ''
  #reading: Promise<void> = Promise.resolve()
  #closed = false
  /** They differ from what was read last. */
  #changed = false

  /** Rejects with one clear line that names the file. */
  static async open(files: TlsFiles): Promise<ServerTls> {
    return new ServerTls(files, await readTls(files), await stampOf(files))
  }

  private constructor(files: TlsFiles, material: TlsMaterial, stamp: string) {
    this.#files = files
    this.#material = material
    this.#stamp = stamp
  }

  /** The server's own certificate; null: it listens without TLS. */
  get own(): OwnCertificate | null {
    return this.#material.own
  }

  get dial(): DialTls {
    return this.#material.dial
  }

  /** A peer must have a certificate to be taken for a server. */
  get provesServers(): boolean {
    return this.#files.clientCaFile !== null
  }

  /** For whoever listens. */
  get listening(): NodeTlsOptions {
    const { own } = this.#material
    if (own === null) throw new Error('there is no certificate to listen with')
    return {
      cert: own.cert,
      key: own.key,
      ...(own.clientCa !== null && { ca: own.clientCa }),
      requestCert: this.provesServers,
      // Clients need no certificate; hello.ts asks for that of servers.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      // B3: with others a stranger's hello may cost tens of ms. Every client of TLS knows these two.
      ecdhCurve: 'X25519:P-256',
      // What is resumed shows no certificate, and skips the check of it; with keys of elliptic curves it saves nothing.
      secureOptions: constants.SSL_OP_NO_TICKET,
    }
  }

  /** Calls with what is in force from now on, each time that there is something new. */
  onTaken(hear: (options: NodeTlsOptions) => void): void {
    this.#heard.add(hear)
  }

  /** From now on the files are looked at. `advertised`: where others reach this server. */
  start(note: TlsNote, advertised: string, everyMs = tlsFilesEveryMs): void {
    this.#note = note
    this.#advertised = advertised
    this.#tellOdd()
    this.#lookLater(everyMs)
  }

  /** Reads the files now. */
  reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read())
    return this.#reading
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #lookLater(everyMs: number): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#look().then(() => this.#lookLater(everyMs)), everyMs).unref()
  }

  /** A certificate and its key are written one after the other: they are read once both have stood still. */
  async #look(): Promise<void> {
    const before = this.#stamp
    const now = await stampOf(this.#files)
    this.#stamp = now
    if (this.#changed && before === now) await this.reload()
    else if (before !== now) this.#changed = true
  }

  async #read(): Promise<void> {
    this.#changed = false
    try {
      const material = await readTls(this.#files)
      checkDate(material)
      this.spoilt = false
      if (material.digest !== this.#material.digest) this.#take(material)
    } catch (error) {
      this.spoilt = true
      this.reloads.refused++
      this.#note('error', 'new files of TLS are not taken; what was in force still is', {
        problem: (error as Error).message,
      })
    }
  }

  #take(material: TlsMaterial): void {
    this.#material = material
    this.reloads.taken++
    if (material.own !== null) for (const hear of this.#heard) hear(this.listening)
    this.#note('info', 'new files of TLS are taken', { expires: material.own?.leaf.validTo ?? null })
    this.#tellOdd()
  }

  #tellOdd(): void {
    const { own, warnings } = this.#material
    for (const problem of warnings) this.#note('warn', 'a key is not kept secret', { problem })
    if (own === null) return
    const { hostname } = new URL(this.#advertised)
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    if (!isFor(own.leaf, host))
      this.#note('warn', 'the certificate is for other names than the address that others get', {
        advertised: this.#advertised,
        names: namesOf(own.leaf),
      })
    const leftMs = own.expiresAt - readClock().wall
    if (leftMs < certificateEndsSoonMs)
      this.#note(leftMs < 0 ? 'error' : 'warn', 'the certificate is outdated, or soon will be', {
        expires: own.leaf.validTo,
      })
  }
}

/** A certificate that has expired is of use to no peer. */
function checkDate({ own }: TlsMaterial): void {
  if (own !== null && own.expiresAt < readClock().wall)
    throw new Error(`the new certificate has expired on ${own.leaf.validTo}`)
}

/** Changes with the files, also when a link to them does. */
async function stampOf({ own, caFile, clientCaFile }: TlsFiles): Promise<string> {
  const files = [own?.certFile, own?.keyFile, caFile, clientCaFile]
  const stamps = files.map(async file => {
    if (file === undefined || file === null) return ''
    const { ino, mtimeMs, size } = await stat(file).catch(() => ({ ino: 0, mtimeMs: 0, size: -1 }))
    return `${ino}:${mtimeMs}:${size}`
  })
  return (await Promise.all(stamps)).join()
}

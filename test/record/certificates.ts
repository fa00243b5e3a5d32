// Certificates for an etcd that speaks TLS, and for those who dial it, made with openssl: an authority, and what it signs. Those of
// clients have no common name: etcd's gateway refuses one.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tool } from '../operations/tool.ts'

export class Authority {
  readonly #folder: string

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.#folder = folder
    this.#openssl(
      ...['req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2'],
      '-subj',
      '/CN=a test',
    )
  }

  get ca(): string {
    return join(this.#folder, 'ca.pem')
  }

  /** For this machine; anew, in the place of those of this name if there are any. */
  issue(name: string): { readonly cert: string; readonly key: string } {
    writeFileSync(join(this.#folder, `${name}.ext`), 'subjectAltName=IP:127.0.0.1\n')
    this.#openssl(
      'req',
      '-new',
      ...newKey,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
      '-subj',
      `/O=${name}`,
    )
    this.#openssl(
      ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
      ...['-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.pem`],
    )
    return { cert: join(this.#folder, `${name}.pem`), key: join(this.#folder, `${name}.key`) }
  }

  #openssl(...args: readonly string[]): void {
    tool('sh', ['-ec', `cd "$0" && openssl "$@"`, this.#folder, ...args], 'openssl')
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

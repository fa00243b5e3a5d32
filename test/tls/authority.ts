// An authority and certificates as docs/OPERATIONS.md tells operators to make them: the commands are taken from there and run
// with openssl, for this machine. Needs openssl and sh.

import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tool } from '../operations/tool.ts'

const guide = readFileSync(fileURLToPath(new URL('../../../docs/OPERATIONS.md', import.meta.url)), 'utf8')

/** The commands of the section on TLS: for the authority, for a certificate, and the settings of a server. */
const [forAuthority = '', forCertificate = '', settings = ''] = [
  ...(guide.split('\n## TLS\n')[1] ?? '').matchAll(/```sh\n([\s\S]*?)```/g),
].map(([, text]) => text ?? '')

export class OwnAuthority {
  readonly folder: string

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.folder = folder
    this.#run(forAuthority)
  }

  get caFile(): string {
    return join(this.folder, 'ca.pem')
  }

  /** A new certificate and its key, in the place of those of this name if there are any. */
  issue(name: string): void {
    this.#run(forCertificate.replaceAll('10.0.0.1', '127.0.0.1'))
    mkdirSync(join(this.folder, name), { recursive: true })
    for (const file of ['server.pem', 'server.key'])
      copyFileSync(join(this.folder, file), join(this.folder, name, file))
  }

  /** The environment of a server, as the guide has it. */
  environmentOf(name: string): Record<string, string> {
    const inGuide = [...settings.matchAll(/^(HOLDFAST_\w+)=\/etc\/holdfast\/(\S+)$/gm)]
    if (inGuide.length < 4) throw new Error('the guide names fewer settings than this test knows')
    return Object.fromEntries(
      inGuide.map(([, variable = '', file = '']) => [
        variable,
        file === 'ca.pem' ? this.caFile : join(this.folder, name, file),
      ]),
    )
  }

  #run(commands: string): void {
    tool('sh', ['-ec', `cd '${this.folder}'\n${commands}`], 'openssl')
  }
}

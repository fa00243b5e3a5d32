// Reads deploy/compose.yaml into containers. What it does not know it refuses, so that nothing in the file goes untested
// without a word.

import { chownSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { Container, Mount } from './engine.ts'

interface Service {
  readonly image: string
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly volumes: readonly string[]
  readonly secrets: readonly string[]
  readonly healthcheck: { readonly test: readonly string[] }
  readonly restart: string
  readonly read_only: boolean
  readonly stop_grace_period: string
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
  readonly volumes: Readonly<Record<string, unknown>>
}

const known = [
  ...[
    'image',
    'build',
    'command',
    'environment',
    'volumes',
    'secrets',
    'healthcheck',
    'restart',
    'read_only',
  ],
  ...['stop_grace_period', 'cap_drop', 'security_opt', 'ulimits', 'ports'],
]

export class Compose {
  readonly services: Readonly<Record<string, Service>>
  /** The `HOLDFAST_VIEW` that the head of the file gives to programs. */
  readonly view: string
  readonly #file: ComposeFile

  constructor(path: string) {
    const text = readFileSync(path, 'utf8')
    this.#file = parse(text, { merge: true }) as ComposeFile
    this.services = this.#file.services
    this.view = /^# +HOLDFAST_VIEW=(\S+)$/m.exec(text)?.[1] ?? ''
    for (const [name, service] of Object.entries(this.services))
      for (const key of Object.keys(service))
        if (!known.includes(key)) throw new Error(`${name} has ${key}, which this test does not know`)
  }

  /** `work`: where volumes go; `secrets`: has the files of `./secrets`, `owner` may read them. */
  containers(work: string, secrets: string, owner: number): Container[] {
    for (const name of Object.keys(this.#file.volumes)) {
      mkdirSync(join(work, name))
      chownSync(join(work, name), owner, owner)
    }
    return Object.entries(this.services).map(([name, service]) => ({
      name,
      names: [name],
      args: service.command,
      environment: service.environment,
      mounts: [
        ...service.volumes.map(each => this.#volume(each, work)),
        ...service.secrets.map(each => this.#secret(each, secrets)),
      ],
    }))
  }

  #volume(written: string, work: string): Mount {
    const [name = '', to = ''] = written.split(':')
    if (!(name in this.#file.volumes)) throw new Error(`there is no volume ${name}`)
    return { from: join(work, name), to, readOnly: false }
  }

  #secret(name: string, secrets: string): Mount {
    const { file = '' } = this.#file.secrets[name] ?? {}
    const [, own] = /^\.\/secrets\/(.+)$/.exec(file) ?? []
    if (own === undefined) throw new Error(`the secret ${name} is in no file of ./secrets`)
    return { from: join(secrets, own), to: `/run/secrets/${name}`, readOnly: true }
  }
}

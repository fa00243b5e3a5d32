// Builds deploy/Dockerfile with buildah, over base images made here, and unpacks what comes out. It starts nothing of it.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tool } from '../operations/tool.ts'
import { makeBase, makeBuildingBase, npmCache } from './base.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const tag = 'localhost/holdfast-test'

/** What an image says of itself. */
export interface ImageConfig {
  readonly Env: readonly string[]
  readonly Entrypoint: readonly string[]
  readonly Cmd: readonly string[]
  readonly User: string
  readonly WorkingDir: string
  readonly ExposedPorts: Readonly<Record<string, unknown>>
  readonly Healthcheck: { readonly Test: readonly string[] }
}

export class Image implements Disposable {
  /** Its files. */
  readonly folder: string
  readonly config: ImageConfig
  readonly #work: string
  readonly #buildah: Buildah

  private constructor(work: string, buildah: Buildah, folder: string, config: ImageConfig) {
    this.#work = work
    this.#buildah = buildah
    this.folder = folder
    this.config = config
  }

  static build(): Image {
    const work = mkdtempSync(join(tmpdir(), 'holdfast-image-'))
    try {
      const buildah = buildahIn(work)
      commitBase(buildah, work, 'building', makeBuildingBase)
      commitBase(buildah, work, 'standing', makeBase)
      buildah(
        'build',
        ...steps,
        `--volume=${npmCache()}:/root/.npm`,
        '--file',
        'deploy/Dockerfile',
        '--tag',
        tag,
        root,
      )
      const folder = buildah('mount', lastLine(buildah('from', '--pull-never', tag)))
      const { Docker } = JSON.parse(buildah('inspect', '--type', 'image', tag)) as {
        Docker: { config: ImageConfig }
      }
      return new Image(work, buildah, folder, Docker.config)
    } catch (error) {
      rmSync(work, { recursive: true, force: true })
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#buildah('rm', '--all') // what is mounted could not be removed
    rmSync(this.#work, { recursive: true, force: true })
  }
}

/** The format of Docker keeps the health check. */
const settings = ['--isolation=chroot', '--format=docker', '--layers=false']
const steps = [...settings, ...['--build-arg', `NODE=${tag}-building`, '--build-arg', `BASE=${tag}-standing`]]

type Buildah = (command: string, ...args: string[]) => string

/** With a store of its own, so that this machine's images stay as they are. */
function buildahIn(work: string): Buildah {
  const storedBy =
    (driver: string): Buildah =>
    (command, ...args) => {
      const store = [`--root=${join(work, driver)}`, `--runroot=${join(work, 'run')}`]
      return tool('buildah', [...store, `--storage-driver=${driver}`, command, ...args], 'buildah', '', root)
    }
  const overlay = storedBy('overlay')
  try {
    overlay('info')
    return overlay
  } catch {
    return storedBy('vfs') // each layer is a copy of all that is below it
  }
}

function commitBase(buildah: Buildah, work: string, name: string, fill: (folder: string) => void): void {
  const folder = join(work, name)
  mkdirSync(folder)
  fill(folder)
  const file = join(work, `${name}.file`)
  writeFileSync(file, 'FROM scratch\nCOPY . /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n')
  buildah('build', ...settings, '--file', file, '--tag', `${tag}-${name}`, folder)
}

function lastLine(text: string): string {
  return text.split('\n').at(-1) as string
}

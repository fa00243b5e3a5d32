// The package as npm would publish it, installed into a new empty project: what users get, and not what is in
// this folder. Its dependencies are those that are installed here.

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const execute = promisify(execFile)
export const root = fileURLToPath(new URL('../../../', import.meta.url))

/** What a resolver finds, by the conditions that it knows. */
export interface Conditions {
  readonly [condition: string]: string | Conditions
}

export interface Entry extends Conditions {
  readonly types: string
  readonly default: string
  readonly require: { readonly types: string; readonly default: string }
}

export interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly scripts: Readonly<Record<string, string>>
  readonly bin: Readonly<Record<string, string>>
  readonly imports: Readonly<Record<string, Conditions>>
  readonly exports: Readonly<Record<string, string | Entry>>
}

export class Packed implements AsyncDisposable {
  /** The project that has it installed. */
  readonly project: string
  readonly tarball: string
  /** Paths within the package. */
  readonly files: readonly string[]
  readonly unpackedBytes: number
  readonly packedBytes: number

  private constructor(
    project: string,
    packed: { filename: string; files: { path: string }[]; size: number; unpackedSize: number },
  ) {
    this.project = project
    this.tarball = join(project, packed.filename)
    this.files = packed.files.map(({ path }) => path)
    this.unpackedBytes = packed.unpackedSize
    this.packedBytes = packed.size
  }

  /** Of `dist/` as it was built. */
  static async make(): Promise<Packed> {
    const project = await mkdtemp(join(tmpdir(), 'holdfast-package-'))
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', project]
    const { stdout } = await execute('npm', args, { cwd: root })
    const packed = new Packed(project, JSON.parse(stdout)[0])
    await packed.#install()
    return packed
  }

  get folder(): string {
    return join(this.project, 'node_modules/holdfast')
  }

  async manifest(): Promise<Manifest> {
    return JSON.parse(await this.text('package.json'))
  }

  async text(path: string): Promise<string> {
    return await readFile(join(this.folder, path), 'utf8')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.project, { recursive: true, force: true })
  }

  async #install(): Promise<void> {
    await mkdir(this.folder, { recursive: true })
    await execute('tar', ['-xzf', this.tarball, '-C', this.folder, '--strip-components=1'])
    const { dependencies, peerDependencies } = await this.manifest()
    await mkdir(join(this.project, 'node_modules/@opentelemetry'))
    for (const name of Object.keys({ ...dependencies, ...peerDependencies }))
      await symlink(join(root, 'node_modules', name), join(this.project, 'node_modules', name))
  }
}

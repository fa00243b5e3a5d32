// A small project that has the packed package installed, for one row of the matrix: its files, the programs that it runs, and
// what those print. A program that does not end by itself in time makes its row fail.

import { execFile } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { modulesOf, type Tool } from './tools.ts'

const execute = promisify(execFile)
/** For a program that hangs: a busy machine takes minutes for some. */
const endWithinMs = 400_000

export class Project {
  readonly folder: string
  /** Of a cluster, for `connect`. */
  readonly #url: string

  /** `folder`: below one that has the package in its `node_modules`. */
  constructor(folder: string, url: string) {
    this.folder = folder
    this.#url = url
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.folder, name)), { recursive: true })
      await writeFile(join(this.folder, name), text)
    }
  }

  /** Lets files of the project import this package of a tool. */
  async link(tool: Tool, name: string): Promise<void> {
    await mkdir(join(this.folder, 'node_modules'), { recursive: true })
    await symlink(join(await modulesOf(tool), name), join(this.folder, 'node_modules', name))
  }

  async run(
    program: string,
    args: readonly string[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const { stdout } = await execute(program, args, {
      cwd: this.folder,
      timeout: endWithinMs,
      env: { ...process.env, NODE_OPTIONS: '', HOLDFAST_TEST_URL: this.#url, ...env },
    })
    return stdout
  }

  async node(...args: string[]): Promise<string> {
    return await this.run(process.execPath, args)
  }
}

/** Throws unless the program said that all is well. */
export function well(printed: string): void {
  if (!/^well$/m.test(printed)) throw new Error(`it printed ${JSON.stringify(printed)}`)
}

// A build of an earlier commit, in a folder of its own: a given one, or the oldest one that speaks this wire and has these formats, which
// is the last that changed one of the files where they stand. Needs git and the history; nothing of the working tree is touched.

import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tool } from './tool.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const formats = [
  ...[
    'wire/messages.ts',
    'wire/messages',
    'wire/shape.ts',
    'wire/codec.ts',
    'wire/runs.ts',
    'wire/version.ts',
  ],
  ...['lockserver/state', 'lockserver/journal', 'viewservice/record.ts', 'viewservice/stores/text.ts'],
]

export class OlderBuild implements Disposable {
  readonly commit: string
  /** Its first line. */
  readonly subject: string
  readonly folder: string

  constructor(commit?: string) {
    this.commit =
      commit === undefined
        ? git('log', '-1', '--format=%H', '--', ...formats)
        : git('rev-parse', '--verify', `${commit}^{commit}`)
    this.subject = git('log', '-1', '--format=%s', this.commit)
    this.folder = mkdtempSync(join(tmpdir(), 'holdfast-older-'))
    try {
      git('worktree', 'add', '--force', '--detach', this.folder, this.commit)
      symlinkSync(join(root, 'node_modules'), join(this.folder, 'node_modules'))
      // Its types were checked when it was new.
      const steps = [
        'npx tsc -p . --noCheck --incremental false',
        'node dist/wire/compile.js',
        'npm run -s build:dashboard',
      ]
      tool('sh', ['-ec', `cd "$0"\n${steps.join('\n')}`, this.folder], 'npm')
    } catch (error) {
      this[Symbol.dispose]()
      throw error
    }
  }

  /** A file of its build. */
  at(path: string): string {
    return join(this.folder, 'dist', path)
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
    git('worktree', 'prune')
  }
}

function git(...args: readonly string[]): string {
  return tool('git', ['-C', root, ...args], 'git')
}

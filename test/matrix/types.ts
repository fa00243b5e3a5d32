// Programs in TypeScript: each entry imported and used, in each resolution that a version of the compiler has.

import type { Project } from './project.ts'
import { programOf, type Tool } from './tools.ts'

const program = `import { connect, type Lock, LockClient, LockError, type LockErrorDetails } from 'holdfast'
import { cronCoordinator, type Coordinator } from 'holdfast/cron'
import { FenceGuard, parseToken } from 'holdfast/fencing'
import { type LockServer, startLockServer } from 'holdfast/lockserver'
import { traceLocks } from 'holdfast/opentelemetry'
import { startCluster, type TestCluster } from 'holdfast/testing'
import { startViewServer, type Status } from 'holdfast/viewservice'

export class Mine extends LockError {
  constructor(details: LockErrorDetails) {
    super('CLOSED', true, 'mine', details)
  }
}
export async function main(url: string): Promise<void> {
  const locks: LockClient = await connect(url)
  try {
    const lock: Lock = await locks.acquire('x')
    const token: number = lock.token
    new FenceGuard().check(lock)
    // @ts-expect-error a name is a string
    locks.acquire(token).catch(() => {})
    await lock.release()
  } finally {
    await locks.close()
  }
}
export const made: [Coordinator | null, TestCluster | null, LockServer | null, Status | null] = [null, null, null, null]
export const all = [cronCoordinator, parseToken, startLockServer, traceLocks, startCluster, startViewServer]
main(process.env['HOLDFAST_TEST_URL'] ?? '').then(() => console.log('well'))
`

interface Resolution {
  readonly name: string
  readonly file: 'user.ts' | 'user.cts' | 'user.mts'
  readonly settings: object
  /** What Node runs of it; null: a bundler would. */
  readonly emitted: string | null
}

const resolutions: readonly Resolution[] = [
  ...['node16', 'nodenext'].flatMap((module): Resolution[] => [
    { name: `${module}, CommonJS`, file: 'user.cts', settings: { module }, emitted: 'user.cjs' },
    { name: `${module}, modules`, file: 'user.mts', settings: { module }, emitted: 'user.mjs' },
  ]),
  {
    name: 'bundler',
    file: 'user.ts',
    settings: { module: 'esnext', moduleResolution: 'bundler' },
    emitted: null,
  },
]

/** Version 7 has it no more, and 6 wants to hear that one knows. */
const node10 = (tool: Tool): Resolution[] =>
  tool === 'typescript-7.0'
    ? []
    : [
        {
          name: 'node (node10), CommonJS',
          file: 'user.cts',
          settings: {
            ...{ module: 'commonjs', moduleResolution: 'node10' },
            ...(tool === 'typescript-6.0' && { ignoreDeprecations: '6.0' }),
          },
          emitted: 'user.cjs',
        },
      ]

/** Without `skipLibCheck`, and without any `lib` beyond that of 2022. `typeRoots`: where the types of Node are. */
export async function compile(project: Project, tool: Tool, typeRoots: string): Promise<void> {
  const tsc = await programOf(tool, '.bin/tsc')
  for (const [i, { name, file, settings, emitted }] of [...node10(tool), ...resolutions].entries()) {
    const folder = `${i}`
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, target: 'es2022', lib: ['es2022'] },
      ...{ types: ['node'], typeRoots: [typeRoots], outDir: 'out', skipLibCheck: false, ...settings },
    }
    await project.write({
      [`${folder}/tsconfig.json`]: JSON.stringify({ compilerOptions, files: [file] }),
      [`${folder}/${file}`]: program,
      [`${folder}/package.json`]: '{}',
    })
    await project.run(process.execPath, [tsc, '-p', folder]).catch(error => {
      throw new Error(`${name}: ${error.stdout || error.message}`)
    })
    if (emitted === null) continue
    const printed = await project.node(`${folder}/out/${emitted}`)
    if (!printed.includes('well')) throw new Error(`${name} printed ${printed}`)
  }
}

// npm run test:deploy: the files of deploy/ as far as a machine without an engine for containers and a registry of images
// can try them. The manifests are checked; the image is built and unpacked; the servers of compose.yaml and of the
// manifests run from it, each in a network, with pids and files of its own; a primary is killed, and its lock survives.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { obstacle as networkObstacle, RealNetwork, removeLeftOvers } from '../faults/network.ts'
import { until } from '../fixtures/deadline.ts'
import { tool } from '../operations/tool.ts'
import { Compose } from './compose.ts'
import { type Container, Engine, nodeOf } from './engine.ts'
import { Image } from './image.ts'
import { containersOf, type Manifests, type Place, readManifests } from './manifests.ts'
import { etcdAt } from './own-etcd.ts'
import { Deployed, lockSurvives, programAt, writeSecrets } from './service.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const guide = readFileSync(join(root, 'docs/OPERATIONS.md'), 'utf8')
const compose = new Compose(join(root, 'deploy/compose.yaml'))
const manifests = readManifests(join(root, 'deploy/kubernetes'))
const imageUser = 10_001

const trouble = obstacle()
if (trouble !== null) console.log(`SKIPPED, no image was built and nothing started: ${trouble}`)
let image: Image | undefined
let failure: unknown
t.teardown(() => image?.[Symbol.dispose]())

function obstacle(): string | null {
  if (process.getuid?.() !== 0) return 'it needs the rights of root'
  try {
    tool('buildah', ['--version'], 'buildah')
    tool('sh', ['-c', 'command -v tini-static'], 'tini')
    return networkObstacle()
  } catch (error) {
    return (error as Error).message
  }
}

/** Built for the first story that needs it, once. */
function built(): Image {
  if (failure !== undefined) throw failure
  try {
    image ??= Image.build()
    return image
  } catch (error) {
    failure = error
    throw error
  }
}

interface Stage {
  readonly work: string
  run(containers: readonly Container[], viewServer: string): Deployed
  /** Where the next containers can be reached. */
  hostOf(index: number): string
  readonly network: RealNetwork
}

/** For `count` containers; ends with the test. */
function stage(t: Test, count: number): Stage {
  const from = built()
  const work = mkdtempSync(join(tmpdir(), 'holdfast-deploy-'))
  const network = new RealNetwork(Array.from({ length: count }, (_, i) => nodeOf(i)))
  removeLeftOvers()
  network.make()
  const engine = new Engine(from, network, work)
  t.teardown(async () => {
    await engine[Symbol.asyncDispose]()
    network.remove()
    rmSync(work, { recursive: true, force: true })
  })
  const run = (containers: readonly Container[], viewServer: string) => {
    engine.run(containers)
    return new Deployed(engine, viewServer)
  }
  return { work, run, hostOf: index => network.hostOf(nodeOf(index)), network }
}

/** The words behind this beginning of a command in the guide. */
function inGuide(beginning: RegExp): string[] {
  const [, words] = new RegExp(`^ *${beginning.source} (holdfast init[^#\\n]*)`, 'm').exec(guide) ?? []
  if (words === undefined) throw new Error(`docs/OPERATIONS.md has no command ${beginning.source}`)
  return words.trim().split(' ')
}

const skip = trouble !== null && 'see above'

t.test('the image: files of the package, no root, signals and health', { skip }, async t => {
  const { folder, config } = built()
  t.match(config, {
    User: `${imageUser}:${imageUser}`,
    Entrypoint: [/tini$/, '--', 'holdfast'],
    Cmd: ['--help'],
  })
  const files = readdirSync(join(folder, 'opt/holdfast'))
  const named = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object }
  t.same(files.sort(), [
    ...[
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      'deploy',
      'dist',
      'docs',
      'node_modules',
    ].filter(name => files.includes(name)),
    ...['package-lock.json', 'package.json'],
  ])
  const installed = readdirSync(join(folder, 'opt/holdfast/node_modules'))
  for (const name of Object.keys(named.dependencies)) t.ok(installed.includes(name), name)
  for (const name of ['typescript', 'esbuild', 'tap']) t.notOk(installed.includes(name), `no ${name}`)
  t.equal(statSync(join(folder, 'var/lib/holdfast')).uid, imageUser)
  const bytes = Number(tool('du', ['-sb', join(folder, 'opt/holdfast')], 'coreutils').split('\t')[0])
  t.ok(bytes < 40e6, `${(bytes / 1e6).toFixed(1)} MB beside Node`)
})

t.test('compose.yaml: a cluster as the guide begins it; a lock survives two primaries', { skip }, async t => {
  const count = Object.keys(compose.services).length
  const { work, run } = stage(t, count + 1)
  const containers = compose.containers(work, writeSecrets(work, imageUser), imageUser)
  const cluster = run([...containers, programAt(compose.view)], 'viewserver')
  await cluster.begin(t, inGuide(/docker compose --file deploy\/compose\.yaml exec viewserver/))
  await lockSurvives(t, cluster, count - 1)

  for (const [name, service] of Object.entries(compose.services)) {
    t.equal(service.restart, 'unless-stopped')
    const running = cluster.engine.get(name)
    t.equal(await running.user(), imageUser, `${name} is not root`)
    const [kind, ...words] = service.healthcheck.test
    t.equal(kind, 'CMD')
    t.same(service.healthcheck.test, built().config.Healthcheck.Test, 'as in the image')
    t.match(await running.exec(words), { code: 0 }, `${name} is healthy`)
    t.not((await running.exec(['sh', '-c', 'echo x > /opt/x'])).code, 0, 'it writes to its volume alone')
  }
  const { healthcheck } = Object.values(compose.services)[0] ?? {}
  const frozen = await cluster.primary()
  await frozen.signalServer('SIGSTOP')
  t.match(await frozen.exec(healthcheck?.test.slice(1) ?? []), { code: 1 }, 'a frozen one is not')
  await frozen.signalServer('SIGCONT')
})

/** The pods of these files, in this order. */
function pods(files: readonly string[], place: Place): Container[] {
  const all = files.map(name => manifests.get(name) as Manifests)
  const configMaps = all.flatMap(each => each.configMaps)
  return all.flatMap(each => each.statefulSets).flatMap(set => containersOf(set, configMaps, place))
}

function viewOf(file: string): string {
  const [map] = (manifests.get(file) as Manifests).configMaps
  return map?.data?.HOLDFAST_VIEW ?? ''
}

t.test(
  'the manifests: a cluster on disk as the guide begins it; a lock survives all pods at once',
  { skip },
  async t => {
    const { work, run } = stage(t, 5)
    const containers = pods(['viewserver.yaml', 'lockservers.yaml'], {
      work,
      secrets: writeSecrets(work, imageUser),
    })
    const cluster = run([...containers, programAt(viewOf('viewserver.yaml'))], 'holdfast-viewserver-0')
    const words = inGuide(/kubectl --namespace holdfast exec holdfast-viewserver-0 --/)
    await cluster.begin(t, [...words, '--durability', 'disk'])
    await lockSurvives(t, cluster, 3)

    for (const { name } of containers) {
      const running = cluster.engine.get(name)
      t.equal(await running.httpGet('/healthz', 7400), 200, `${name} lives`)
      await until(`${name} is ready`, async () => (await running.httpGet('/readyz', 7400)) === 200)
    }
    const holder = await cluster.hold('kept')
    await Promise.all(containers.map(({ name }) => cluster.engine.get(name).signal('SIGKILL')))
    await cluster.healthy(3)
    t.equal(await cluster.tokenOf('kept'), holder.said, 'all lost their power: the lock is held as before')
    t.ok(holder.isRunning)
    t.equal(await holder.end(), 0)
  },
)

t.test('the manifests with etcd: a view server and the primary die, the lock stays', { skip }, async t => {
  const { work, run, hostOf, network } = stage(t, 7)
  await using etcd = await etcdAt(network.place(nodeOf(6)), join(work, 'etcd'))
  if (etcd === null) {
    t.pass('SKIPPED: etcd is missing; it comes with the package etcd-server')
    return
  }
  const secrets = writeSecrets(work, imageUser, { record: `etcd://${hostOf(6)}:2379/holdfast\n` })
  const containers = pods(['viewservers-etcd.yaml', 'lockservers.yaml'], { work, secrets })
  const cluster = run([...containers, programAt(viewOf('viewservers-etcd.yaml'))], 'holdfast-viewserver-1')
  await cluster.begin(t, inGuide(/kubectl --namespace holdfast exec holdfast-viewserver-0 --/))
  await cluster.healthy(3)
  const holder = await cluster.hold('demo')
  const primary = await cluster.primary()
  await cluster.engine.get('holdfast-viewserver-0').stop('SIGKILL')
  await primary.signal('SIGKILL')
  await cluster.healthy(3)
  t.equal(await cluster.tokenOf('demo'), holder.said)
  t.equal(await holder.end(), 0)
})

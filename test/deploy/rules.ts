// What the schemas of Kubernetes don't say and deploy/ must keep to: names that fit together, the options of the servers, and
// what a server needs of an orchestrator. It starts nothing.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StatefulSet } from 'kubernetes-models/apps/v1'
import t, { type Test } from 'tap'
import { type Command, environmentName, fileVariable, readArguments } from '../../cli/arguments.ts'
import { command as lockserver } from '../../cli/lockserver.ts'
import { command as viewserver } from '../../cli/viewserver.ts'
import { drainMs } from '../../wire/limits.ts'
import { Compose } from './compose.ts'
import { Manifests, podOf, podsOf, readManifests, there } from './manifests.ts'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const compose = new Compose(join(root, 'deploy/compose.yaml'))
const manifests = readManifests(join(root, 'deploy/kubernetes'))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const servers: Readonly<Record<string, Command>> = { viewserver, lockserver }

type Environment = Readonly<Record<string, string>>

/** What the files could hold that are named. */
function inFiles(environment: Environment): Environment {
  const names = Object.keys(environment).flatMap(name => /^(.+)_FILE$/.exec(name)?.[1] ?? [])
  const held: Environment = { HOLDFAST_RECORD: 'etcd://etcd-0:2379/holdfast' }
  return Object.fromEntries(names.map(name => [name, held[name] ?? 'a secret of some length']))
}

/** Each variable is an option of that server, and together they are what it starts with. */
function mistakesIn([name = '', ...args]: readonly string[], environment: Environment): string[] {
  const command = there(servers[name], `server ${name}`)
  const known = Object.keys(command.options).flatMap(option => [
    environmentName(option),
    fileVariable(option),
  ])
  const strange = Object.keys(environment).filter(
    each => each.startsWith('HOLDFAST_') && !known.includes(each),
  )
  const image = { HOLDFAST_LISTEN: '0.0.0.0:7400' }
  readArguments(command, args, { ...image, ...inFiles(environment), ...environment })
  return strange
}

t.test('compose.yaml: options that there are, an address of its own for each, a time to end in', t => {
  for (const [name, { image, command, environment, stop_grace_period: grace }] of Object.entries(
    compose.services,
  )) {
    t.same(mistakesIn(command, environment), [], name)
    t.equal(image, `holdfast:${version}`)
    t.ok(Number(/^(\d+)s$/.exec(grace)?.[1]) * 1000 > drainMs, `${name} has ${grace} to end`)
    if (command[0] === 'lockserver') t.equal(environment.HOLDFAST_ADVERTISE, `ws://${name}:7400`)
  }
  const all = Object.keys(compose.services).map(name => `ws://${name}:7400`)
  t.equal(compose.view, all.join(','), 'programs are told all of them')
  t.end()
})

t.test('manifests: each fits the schema of its kind, and one that does not is refused', t => {
  const count = [...manifests.values()].flatMap(each => each.resources).length
  t.ok(count >= 10, `${count} resources`)
  const text = readFileSync(join(root, 'deploy/kubernetes/lockservers.yaml'), 'utf8')
  for (const [right, wrong] of [
    ['replicas: 3', 'replicas: three'],
    ['maxUnavailable: 1', 'maxUnavailable: { pods: 1 }'],
    ['- name: lockserver\n', '- title: lockserver\n'],
  ] as const) {
    t.ok(text.includes(right))
    t.throws(() => new Manifests(text.replace(right, wrong)), wrong)
  }
  t.end()
})

for (const [file, { statefulSets, services, budgets, configMaps, resources }] of manifests)
  t.test(`${file}: its parts fit together`, t => {
    for (const { metadata } of resources.filter(({ kind }) => kind !== 'Namespace'))
      t.equal(metadata?.namespace, 'holdfast')
    for (const set of statefulSets) {
      const labels = set.spec?.template.metadata?.labels
      t.same(set.spec?.selector.matchLabels, labels)
      const service = services.find(({ metadata }) => metadata?.name === set.spec?.serviceName)
      t.match(service?.spec, { clusterIP: 'None', publishNotReadyAddresses: true, selector: labels })
      for (const { spec } of budgets) t.same(spec?.selector?.matchLabels, labels)
      checkPod(t, set)
      const maps = configMaps.length > 0 ? configMaps : (manifests.get('viewserver.yaml')?.configMaps ?? [])
      for (const { name, args, environment } of podsOf(set, maps)) {
        t.same(mistakesIn(args, environment), [], name)
        const own = `ws://${name}.${set.spec?.serviceName}.holdfast.svc:7400`
        if (args[0] === 'lockserver') t.equal(environment.HOLDFAST_ADVERTISE, own)
        else t.ok(maps[0]?.data?.HOLDFAST_VIEW?.split(',').includes(own), `programs are told ${own}`)
      }
    }
    t.end()
  })

function checkPod(t: Test, set: StatefulSet): void {
  const { spec, container } = podOf(set)
  t.equal(container.image, `holdfast:${version}`)
  t.match(spec, {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 10_001, fsGroup: 10_001 },
  })
  t.match(container.securityContext, { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false })
  t.equal(
    container.livenessProbe?.httpGet?.path,
    '/healthz',
    'no server is restarted since others are missing',
  )
  const ports = container.ports?.map(({ name }) => name)
  for (const probe of [container.livenessProbe, container.readinessProbe])
    t.ok(ports?.includes(String(probe?.httpGet?.port)), 'the probe asks a port that there is')
  const drain = container.env?.find(({ name }) => name === 'HOLDFAST_DRAIN_MS')?.value ?? String(drainMs)
  t.ok((spec.terminationGracePeriodSeconds ?? 0) * 1000 > Number(drain), 'it has time to hand its role over')
  t.equal(container.resources?.limits?.cpu, undefined, 'no limit of CPU: it would miss its pings')
  const isSpread =
    (spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).length > 0
  t.equal(isSpread, (set.spec?.replicas ?? 1) > 1, 'several stand on a node each')
}

// Reads the manifests of deploy/kubernetes: each is checked against the schema of its kind, then pods are read into
// containers, with the environment and the mounts that Kubernetes would give them.

import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StatefulSet } from 'kubernetes-models/apps/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { ConfigMap, type IContainer, type IPodSpec, Namespace, Service } from 'kubernetes-models/v1'
import { parseAllDocuments } from 'yaml'
import type { Container, Mount } from './engine.ts'

const kinds = { ConfigMap, Namespace, PodDisruptionBudget, Service, StatefulSet }

type Kind = keyof typeof kinds
type Resource = InstanceType<(typeof kinds)[Kind]>

/** Of every file, by its name. */
export function readManifests(folder: string): Map<string, Manifests> {
  const names = readdirSync(folder).filter(name => name.endsWith('.yaml'))
  return new Map(names.map(name => [name, new Manifests(readFileSync(join(folder, name), 'utf8'))]))
}

export class Manifests {
  readonly resources: readonly Resource[]

  /** Throws if one of them is not as the schema of its kind says. */
  constructor(text: string) {
    // As Kubernetes reads it: 0440 is octal.
    const documents = parseAllDocuments(text, { version: '1.1' })
    this.resources = documents.map(document => {
      const [error] = document.errors
      if (error !== undefined) throw error
      return resourceOf(document.toJS())
    })
  }

  get statefulSets(): StatefulSet[] {
    return this.resources.filter(each => each instanceof StatefulSet)
  }

  get services(): Service[] {
    return this.resources.filter(each => each instanceof Service)
  }

  get budgets(): PodDisruptionBudget[] {
    return this.resources.filter(each => each instanceof PodDisruptionBudget)
  }

  get configMaps(): ConfigMap[] {
    return this.resources.filter(each => each instanceof ConfigMap)
  }
}

function resourceOf(found: { readonly kind: string }): Resource {
  if (!(found.kind in kinds)) throw new Error(`${found.kind} is a kind that this test does not know`)
  const resource = new kinds[found.kind as Kind](found as never)
  resource.validate()
  return resource
}

/** Whatever is missing here, the schema has let through. */
export function there<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new Error(`there is no ${what}`)
  return value
}

export function podOf(set: StatefulSet): { readonly spec: IPodSpec; readonly container: IContainer } {
  const spec = there(set.spec?.template.spec, 'spec of its pods')
  return { spec, container: there(spec.containers[0], 'container') }
}

/** The pods of a set, but for what is mounted into them. */
export function podsOf(set: StatefulSet, configMaps: readonly ConfigMap[]): Omit<Container, 'mounts'>[] {
  const count = set.spec?.replicas ?? 1
  return Array.from({ length: count }, (_, i) => podNamed(`${set.metadata?.name}-${i}`, set, configMaps))
}

export interface Place {
  /** Where volumes go. */
  readonly work: string
  /** The folder with the files of the secret. */
  readonly secrets: string
}

/** The same with their mounts, which are made. */
export function containersOf(set: StatefulSet, configMaps: readonly ConfigMap[], place: Place): Container[] {
  return podsOf(set, configMaps).map(pod => ({ ...pod, mounts: mountsOf(pod.name, set, place) }))
}

function podNamed(
  name: string,
  set: StatefulSet,
  configMaps: readonly ConfigMap[],
): Omit<Container, 'mounts'> {
  const { container } = podOf(set)
  const service = there(set.spec?.serviceName, 'serviceName')
  const domain = `${service}.${set.metadata?.namespace}.svc`
  return {
    name,
    names: [`${name}.${domain}`],
    args: container.args ?? [],
    environment: { ...fromMaps(container, configMaps), ...variablesOf(container, name) },
  }
}

function fromMaps({ envFrom = [] }: IContainer, configMaps: readonly ConfigMap[]): Record<string, string> {
  const found = envFrom.map(({ configMapRef }) => {
    const map = configMaps.find(({ metadata }) => metadata?.name === configMapRef?.name)
    return there(map, `ConfigMap ${configMapRef?.name}`).data
  })
  return Object.assign({}, ...found)
}

/** `$(NAME)` stands for a variable that is set before. */
function variablesOf({ env = [] }: IContainer, podName: string): Record<string, string> {
  const set: Record<string, string> = {}
  for (const { name, value, valueFrom } of env) {
    const path = valueFrom?.fieldRef?.fieldPath
    if (valueFrom !== undefined && path !== 'metadata.name') throw new Error(`${name} comes from ${path}`)
    const text = path === undefined ? (value ?? '') : podName
    set[name] = text.replace(/\$\((\w+)\)/g, (_, other: string) => there(set[other], `variable ${other}`))
  }
  return set
}

function mountsOf(pod: string, set: StatefulSet, { work, secrets }: Place): Mount[] {
  const { spec, container } = podOf(set)
  const claims = (set.spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name)
  return (container.volumeMounts ?? []).map(({ name, mountPath, readOnly = false }) => {
    if (claims.includes(name))
      return { from: volume(join(work, `${name}-${pod}`), spec), to: mountPath, readOnly }
    const secret = spec.volumes?.find(each => each.name === name)?.secret
    allowGroup(secrets, there(secret?.defaultMode, `mode of ${name}`), spec)
    return { from: secrets, to: mountPath, readOnly }
  })
}

/** A volume belongs to root, and to the group that the pod names. */
function volume(folder: string, { securityContext }: IPodSpec): string {
  mkdirSync(folder, { recursive: true })
  chownSync(folder, 0, there(securityContext?.fsGroup, 'fsGroup'))
  chmodSync(folder, 0o2775)
  return folder
}

function allowGroup(secrets: string, mode: number, { securityContext }: IPodSpec): void {
  chmodSync(secrets, 0o755)
  for (const name of readdirSync(secrets)) {
    chownSync(join(secrets, name), 0, there(securityContext?.fsGroup, 'fsGroup'))
    chmodSync(join(secrets, name), mode)
  }
}

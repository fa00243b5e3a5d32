// node dist/test/simulator/census.js [seeds [theme]]: runs stories, and counts at the end of each, when the users
// have given everything back, what every Map, Set and array of the living cores, drivers and clients still
// holds. Exits 1 if one holds more than such a small cluster can need: a table that keeps what is over.

import { register } from 'node:module'
import type { NumberMap } from '../../wire/number-map.ts'
import type { Cluster } from '../fixtures/cluster.ts'
import type { drawPlan as DrawPlan } from './plan.ts'
import type { tell as Tell } from './story.ts'

/** A story has fewer peers, sessions, servers and locks than this. */
const most = 32
/** What may hold more, and why. */
const mayStay: Readonly<Record<string, string>> = {
  'Histogram.counts': 'it has as many as it has',
  'History._views': 'the last views, for display (viewsRememberedMax)',
  'NameMap._free': 'places that are free, at most 1,024 in an empty map (placesKept)',
  'Replies._kept':
    "of a guest that acknowledges nothing, as long as its session lasts; story.ts looks at the clients'",
  'NameMap._values': 'the same places, with nothing in them',
  'Servers._byId': 'ids are forgotten after a minute',
  'Watches._watchers[].watches': 'their readers go on',
  'SessionParty.events': 'for the story to look at',
  'SessionParty.lost': 'for the story to look at',
  'ProgramParty._sessions': 'for the story to look at',
  'Diagnosed._granted': 'for the story to look at',
  'LockServerParty.notes': 'what an operator has read, for the story to look at',
  'ViewServerParty.disk': 'what was written, for the story to look at',
}
/** The world around the cores, and what belongs to the story alone. */
const world =
  /^(Network|Cluster|SharedStore|Timeline|End|\w*Party|SeenSession|AbortController|AbortSignal|Promise)$/

register('../search/plain-loader.js', import.meta.url)
const { tell } = (await import(`${'./story.js'}?plain`)) as { tell: typeof Tell }
const { drawPlan } = (await import(`${'./plan.js'}?plain`)) as { drawPlan: typeof DrawPlan }

const largest = new Map<string, { readonly size: number; readonly seed: number }>()

function count(path: string, size: number, seed: number): void {
  if (size > (largest.get(path)?.size ?? 0)) largest.set(path, { size, seed })
}

function walk(from: string, root: object, seed: number): void {
  const seen = new Set<object>()
  const todo: { readonly value: object; readonly path: string }[] = [{ value: root, path: from }]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const { value, path } = next
    if (seen.has(value)) continue
    seen.add(value)
    const name = value.constructor?.name ?? 'Object'
    if (world.test(name) && value !== root) continue
    // The remains of a session that is over go with it when the next session begins.
    if (name === 'ClientCore' && 'over' in value && value.over === true) continue
    const sized = sizeOf(value)
    if (sized !== null) count(path, sized, seed)
    for (const [key, part] of partsOf(value))
      if (typeof part === 'object' && part !== null && !ArrayBuffer.isView(part))
        todo.push({
          value: part,
          path: sized !== null ? `${path}[]` : `${name === 'Object' ? path : name}.${key}`,
        })
  }
}

function sizeOf(value: object): number | null {
  if (Array.isArray(value)) return value.length
  return value instanceof Map || value instanceof Set || isNumberMap(value) ? value.size : null
}

/** Its arrays have room for more than it holds. */
function isNumberMap(value: object): value is NumberMap<unknown> {
  return value.constructor?.name === 'NumberMap'
}

function partsOf(value: object): [string, unknown][] {
  if (value instanceof Map) return [...value].map(([, part]) => ['', part])
  if (value instanceof Set || isNumberMap(value)) return [...value.values()].map(part => ['', part])
  return Object.entries(value)
}

/** Each part of a living party that is not part of the world, with its path. */
function rootsOf({ servers, viewServers, clients }: Cluster): [string, object][] {
  const parties: object[] = [...viewServers, ...servers, ...clients].filter(party => party.alive)
  return parties.flatMap(party =>
    Object.entries(party).flatMap(([key, part]): [string, object][] =>
      typeof part !== 'object' || part === null || world.test(part.constructor?.name ?? '')
        ? []
        : [[`${party.constructor.name}.${key}`, part]],
    ),
  )
}

const seeds = Number(process.argv[2] ?? 50)
const about = process.argv.slice(3).find(arg => !arg.startsWith('--'))
let told = 0
for (let seed = 1; seed <= seeds; seed++) {
  const plan = drawPlan(seed)
  const { theme, hoard } = plan.shape
  if (about === undefined ? hoard > 0 : theme !== about) continue
  told++
  const { violation } = await tell(plan, null, cluster => {
    for (const [path, root] of rootsOf(cluster)) walk(path, root, seed)
  })
  if (violation !== null) {
    console.log(`seed ${seed}: ${violation.check}: ${violation.text}`)
    process.exitCode = 1
  }
}
if (process.argv.includes('--all')) for (const [path, { size }] of largest) console.log(`${path} ${size}`)
const kept = [...largest].filter(([path, { size }]) => size > most && !(path in mayStay))
for (const [path, { size, seed }] of kept) console.log(`${path} holds ${size} at the end of seed ${seed}`)
console.log(`${largest.size} tables, ${kept.length} of them hold more than ${most} after ${told} stories`)
if (kept.length > 0) process.exitCode = 1

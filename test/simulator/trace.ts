// Writes down what happens, as a readable story: when, which party, what. Ids become names. It
// costs nothing without a listener.

import type { Message } from '../../wire/messages.ts'
import type { Cluster } from '../fixtures/cluster.ts'
import type { Party } from '../fixtures/network.ts'

/** Too many of them to be read. */
const noise: ReadonlySet<string> = new Set(['ping', 'pong', 'echo', 'echoed'])
const idPattern = /"?\b0{20}[0-9a-f]{12}\b"?/g
const messageLengthMax = 240

export class Trace {
  readonly #listener: ((line: string) => void) | null
  #cluster: Cluster | null = null
  readonly #names = new Map<string, string>()

  constructor(listener: ((line: string) => void) | null) {
    this.#listener = listener
  }

  /** Whose clock and whose names it tells. */
  follow(cluster: Cluster): void {
    this.#cluster = cluster
  }

  tell(text: () => string): void {
    if (this.#listener === null) return
    const at = (this.#cluster?.network.time ?? 0).toFixed(3).padStart(10)
    this.#learn()
    this.#listener(`${at}  ${text().replace(idPattern, id => this.#nameOf(id))}`)
  }

  frame(from: Party, to: Party, messages: readonly Message[]): void {
    if (this.#listener === null || messages.every(([kind]) => noise.has(kind))) return
    this.tell(() => `${from.name} > ${to.name}  ${messages.map(briefly).join('; ')}`)
  }

  #nameOf(id: string): string {
    const bare = id.replaceAll('"', '')
    return this.#names.get(bare) ?? `#${Number.parseInt(bare, 16)}`
  }

  /** An id keeps its name when its server or session is gone. */
  #learn(): void {
    if (this.#cluster === null) return
    for (const { name, core } of this.#cluster.servers) this.#name(core.id, name)
    for (const { name, core } of this.#cluster.clients) {
      this.#name(core.sessionId, name)
      if (core.clientId !== null) this.#names.set(core.clientId, name)
    }
  }

  /** A party's first id becomes its name; later ones are counted: `S1'2`. */
  #name(id: string, name: string): void {
    if (this.#names.has(id)) return
    const before = [...this.#names.values()].filter(known => known.split("'")[0] === name).length
    this.#names.set(id, before === 0 ? name : `${name}'${before + 1}`)
  }
}

function briefly([kind, ...rest]: Message): string {
  const text = rest.map(part => (typeof part === 'string' ? part : JSON.stringify(part))).join(' ')
  return `${kind} ${text.length > messageLengthMax ? `${text.slice(0, messageLengthMax)}…` : text}`
}

// D4: what is known of a lost state: which servers have an imprint that counts, which of the processes that wrote
// them are gone, and for how long the view server has waited. What follows from it is decided in recovery.ts.

import type { Choice, RecoveryStatus, Server } from '../wire/messages.ts'
import type { Probes } from './probes.ts'
import type { Question } from './question.ts'
import type { GroupRecord } from './record.ts'
import { choiceOf, type Found, type LostState, mayRecover, type Worth, worthOf } from './recovery.ts'
import { notBack } from './reset.ts'
import type { KnownServer, Servers } from './servers.ts'

export interface RecoveryOptions {
  readonly pingIntervalMs: number
  readonly deadPings: number
  readonly recoveryPatienceMs: number
}

/** Whose state is recovered: the group of this number. */
export interface RecoveryOwner {
  readonly number: number
  /** G1: another group has this server. */
  isElsewhere(id: string): boolean
}

export class Recoveries {
  readonly #owner: RecoveryOwner
  readonly #servers: Servers
  readonly #probes: Probes
  readonly #options: RecoveryOptions
  /** Own ticks since the start, and since the state is lost. */
  #ticks = 0
  #waited = 0

  constructor(owner: RecoveryOwner, servers: Servers, probes: Probes, options: RecoveryOptions) {
    this.#owner = owner
    this.#servers = servers
    this.#probes = probes
    this.#options = options
  }

  /** Null: the state is not lost, or can't be recovered in this cluster. */
  lost(record: GroupRecord, question: Question): LostState | null {
    if (!mayRecover(record) || !this.#isLost(record, question)) return null
    const choice = choiceOf(record)
    // D11: what was in memory is on no disk.
    const found = choice.durability === 'disk' ? this.#found(choice) : []
    return { living: this.#living(choice), found, waited: this.#patienceOver || this.#allBack(choice, found) }
  }

  /** Waits, and asks after those that wrote what could be recovered. */
  tick(record: GroupRecord, question: Question): void {
    this.#ticks += 1
    const lost = this.lost(record, question)
    if (lost === null) this.#waited = 0
    else if (this.#ticks > this.#options.deadPings) this.#waited += 1
    for (const { proof, imprint } of lost?.found ?? []) {
      const writer = this.#servers.get(imprint.id)
      if (proof === null && writer !== undefined && writer.connection === null)
        this.#probes.start('lost', writer, record.cluster)
    }
  }

  /** An operator's word; whether it counts, and what to say to it. */
  said(record: GroupRecord | null, id: string): [boolean, string] {
    const server = this.#servers.get(id)
    if (record === null || server === undefined) return [false, `no server ${id} is known here`]
    if (this.#servers.lives(server) || server.connection !== null)
      return [false, `server ${id} at ${server.address} is connected to this view server; end it first`]
    server.saidGone = true
    return [
      true,
      `server ${id} counts as gone; what it wrote to a disk may be recovered without asking for it`,
    ]
  }

  /** D5: why a reset would give up more than it must; null: no disk has a state that counts, as far as all could tell. */
  givenUpBy(record: GroupRecord, lost: LostState | null): string | null {
    const choice = choiceOf(record)
    if (choice.durability === 'memory') return recoverable(lost)
    // The state need not be found lost yet: an operator may be faster.
    const known = lost ?? { living: null, found: this.#found(choice), waited: false }
    const away = [...serversOf(choice), ...choice.since].find(server => !this.#isBack(server, known.found))
    return recoverable(known) ?? (away === undefined ? null : notBack(away))
  }

  status(record: GroupRecord, question: Question): RecoveryStatus | null {
    const lost = this.lost(record, question)
    const choice = choiceOf(record)
    if (lost === null || choice.durability === 'memory') return null
    return {
      found: lost.found.map(({ server, imprint, view, proof }) => ({
        ...server,
        of: imprint.id,
        view,
        opNumber: imprint.opNumber,
        proof,
      })),
      waitedFor: serversOf(choice).filter(server => !this.#isBack(server, lost.found)),
      patienceMs: this.#ticksLeft * this.#options.pingIntervalMs,
      lost: recoverable(lost) ?? 'no server that is here has a state that counts',
    }
  }

  /** No server lives that may go on by V2 and V3, or that recovers. */
  #isLost({ view, acked }: GroupRecord, question: Question): boolean {
    const { primary, backup } = view
    if (!this.#servers.isDead(this.#servers.named(primary.id))) return false
    if (backup === null || this.#servers.isDead(this.#servers.named(backup.id))) return true
    // It is asked whether it is in sync; without an answer it may be promoted yet.
    return question.backupDenies && !(acked && question.backupInSync)
  }

  #living(choice: Choice): (Server & Worth) | null {
    for (const server of this.#servers.all()) {
      const { id, address, ping } = server
      if (!this.#servers.lives(server) || ping === null || ping.role === 'idle') continue
      if (ping.group !== this.#owner.number) continue
      const worth = worthOf(choice, { id, view: ping.view, as: ping.role, told: ping.inSync })
      if (worth !== undefined) return { id, address, ...worth }
    }
    return null
  }

  #found(choice: Choice): Found[] {
    const found: Found[] = []
    for (const server of this.#servers.all()) {
      const { id, address, imprint, ping } = server
      if (imprint === null || !this.#servers.lives(server) || ping?.role !== 'idle' || ping.leaving) continue
      const worth = this.#worthOf(choice, server)
      if (worth === undefined) continue
      found.push({ ...worth, server: { id, address }, imprint, proof: this.#proof(server) })
    }
    return found
  }

  /** D4, G1 */
  #worthOf(choice: Choice, { id, imprint }: KnownServer): Worth | undefined {
    const isOwn = imprint !== null && imprint.group === this.#owner.number && !this.#owner.isElsewhere(id)
    return isOwn ? worthOf(choice, imprint) : undefined
  }

  /** Whose journals have a state that counts. */
  sources(record: GroupRecord): readonly string[] {
    const choice = choiceOf(record)
    if (choice.durability === 'memory') return []
    return this.#servers
      .all()
      .flatMap(server => (this.#worthOf(choice, server) === undefined ? [] : server.id))
  }

  /** D4: what shows that the process that wrote this server's imprint is gone. */
  #proof({ imprint }: KnownServer): string | null {
    if (imprint === null) return null
    const writer = this.#servers.get(imprint.id)
    if (writer !== undefined && writer.connection !== null) return null
    if (imprint.free) return 'the folder is not held'
    if (writer?.replaced) return 'another server is at its address'
    if (writer?.refused) return 'its address refuses'
    return writer?.saidGone ? 'an operator says so' : null
  }

  #allBack(choice: Choice, found: readonly Found[]): boolean {
    return serversOf(choice).every(server => this.#isBack(server, found))
  }

  /** Its state is there, or its machine is, with whatever it has: a lock server says hello when it has read its journal. */
  #isBack({ id, address }: Server, found: readonly Found[]): boolean {
    if (found.some(({ from, imprint }) => from === id || imprint.id === id)) return true
    return this.#servers
      .all()
      .some(server => server.address === address && server.ping !== null && this.#servers.lives(server))
  }

  get #patienceOver(): boolean {
    return this.#ticksLeft === 0
  }

  get #ticksLeft(): number {
    const { recoveryPatienceMs, pingIntervalMs } = this.#options
    return Math.max(0, Math.ceil(recoveryPatienceMs / pingIntervalMs) - this.#waited)
  }
}

function serversOf({ primary, backup }: Choice): Server[] {
  return backup === null ? [primary] : [primary, backup]
}

/** What could be recovered; null: nothing that counts is there. */
function recoverable(lost: LostState | null): string | null {
  if (lost === null) return null
  const { living, found } = lost
  if (living !== null)
    return `server ${living.id} at ${living.address} lives and has the state of view ${living.view}`
  if (found.length === 0) return null
  const list = found.map(
    ({ server, view, imprint }) =>
      `${server.id} at ${server.address} (view ${view}, operation ${imprint.opNumber})`,
  )
  return `the state is on disk and can be recovered from ${list.join(', ')}; reset with --force to give it up, its journal is kept aside`
}

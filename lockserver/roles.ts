// The part that a lock server has in its group: primary, backup, none, or one that recovers a state (D5). Views
// alone give it (R2), and a state ends with its role (R5, V5). It speaks with no client but to say that.

import type { Standing } from '../wire/access/standing.ts'
import { promotionGraceMs } from '../wire/limits.ts'
import type { Role, View } from '../wire/messages.ts'
import { endOf } from '../wire/slots.ts'
import { Backup } from './backup.ts'
import type { Clients } from './clients.ts'
import type { ServerCoreOptions } from './core-options.ts'
import { OwnDisk } from './disk.ts'
import type { Found } from './journal/asked.ts'
import { Leases } from './leases.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Peers } from './peers.ts'
import { Primary } from './primary.ts'
import { Recovery } from './recovery.ts'
import type { InView, Situation } from './situation.ts'
import type { Recent } from './state/recent.ts'
import { State } from './state/state.ts'
import type { Turns } from './turns.ts'
import type { ViewLinks } from './view-links.ts'

/** What the parts of one core share. */
export interface CoreParts {
  readonly out: ServerOutbox
  readonly situation: Situation
  readonly peers: Peers
  readonly clients: Clients
  readonly turns: Turns
  readonly viewLinks: ViewLinks
}

const partTexts = {
  primary: 'primary of this view',
  backup: 'backup of this view',
  idle: 'no part in this view',
} as const

export class Roles {
  readonly #options: ServerCoreOptions
  readonly #out: ServerOutbox
  readonly #situation: Situation
  readonly #clients: Clients
  readonly #turns: Turns
  readonly #viewLinks: ViewLinks
  /** D3: the journal was told that a state may come. */
  #prepared = false
  /** Null: it has no journal. */
  readonly disk: OwnDisk | null
  #primary: Primary | null = null
  #backup: Backup | null = null
  /** D5: a state that is being recovered; then this server is neither of the two. */
  #recovery: Recovery | null = null
  /** D3: what its journal holds of an earlier process; null: nothing, or it was let go. */
  #found: Found | null
  /** A3 */
  #standing: Standing | null
  /** It ends where another would go on as a new server. */
  #leaves = false
  #over = false

  constructor(options: ServerCoreOptions, parts: CoreParts, found: Found | null) {
    this.#options = options
    this.#out = parts.out
    this.#situation = parts.situation
    this.#clients = parts.clients
    this.#turns = parts.turns
    this.#viewLinks = parts.viewLinks
    this.disk = options.journal ? new OwnDisk(parts.out, parts.situation, ownerOf(options)) : null
    this.#found = found
    this.#standing = options.standing ?? null
  }

  get primary(): Primary | null {
    return this.#primary
  }

  get backup(): Backup | null {
    return this.#backup
  }

  get recovery(): Recovery | null {
    return this.#recovery
  }

  get found(): Found | null {
    return this.#found
  }

  /** This core has ended: nothing that it hears counts any more. */
  get over(): boolean {
    return this.#over
  }

  get role(): Role {
    if (this.#primary !== null) return 'primary'
    return this.#backup !== null ? 'backup' : 'idle'
  }

  /** What it is for the view server: there a recovery is a primary's (D5). */
  get spokenRole(): Role {
    return this.#recovery === null ? this.role : 'primary'
  }

  /** V4: the view may be in force, as far as this server is asked. */
  get ackable(): boolean {
    return this.#primary?.ackable ?? this.#recovery?.ackable ?? false
  }

  get state(): State | null {
    return this.#primary?.state ?? this.#backup?.state ?? this.#recovery?.state ?? null
  }

  /** The state of the role that it has. */
  get ownState(): State | null {
    if (this.#primary !== null) return this.#primary.state
    return this.#backup !== null && this.#backup.whole !== 0 ? this.#backup.state : null
  }

  get durable(): boolean {
    return this.#situation.view?.durability === 'disk'
  }

  /** Null: this view keeps nothing on disk. */
  get viewDisk(): OwnDisk | null {
    return this.durable ? this.disk : null
  }

  /** D5: what it tells others; of its own recovery it tells none. */
  get toldView(): View | null {
    const { view } = this.#situation
    return this.#recovery === null || view === null ? view : choiceView(view)
  }

  /** For those parts that exist only in a view. */
  get #inView(): InView {
    return this.#situation as InView
  }

  /** D3: of a state that it could have to recover it has let go, and so it may be chosen. */
  tick(): void {
    if (this.#prepared || this.#over || this.#leaves || this.viewDisk === null) return
    if (this.role !== 'idle' || this.#recovery !== null || this.#found !== null) return
    this.#prepared = true
    this.#out.do({ do: 'prepare' })
  }

  /** The server is leaving. */
  leave(): void {
    this.#leaves = true
  }

  /** A3: what may come in now. */
  survey(standing: Standing): void {
    this.#standing = standing
    this.#primary?.survey(standing)
  }

  /** R2: a server that learns of a newer view adopts it. G1: one of another group it only tells those who ask. */
  adopt(view: View): void {
    if (this.#over || view.number <= this.#knownNumber(view.group)) return
    if (view.group !== this.#situation.group) {
      if (!isNamed(view, this.#options.id) || this.#hasState)
        return void this.#situation.others.set(view.group, view)
      this.#leaveGroup(view.group)
    }
    this.#situation.view = view
    this.#backup?.shown?.end()
    this.#out.count({ is: 'view' })
    if (this.durable && this.disk === null && isNamed(view, this.#options.id))
      return this.exit(1, 'this cluster is on disk, and this server has no journal (--data)')
    if (view.primary.id === this.#options.id) this.#becomePrimary(view)
    else if (this.#primary !== null || this.#recovery !== null)
      return this.#giveUp('another server is primary now')
    else if (view.backup?.id === this.#options.id) this.#becomeBackup(view)
    else if (this.#backup !== null) this.#leaveBackup()
    this.#noteView(view)
    if (!this.#over && this.#recovery === null) this.#clients.tellAll(['view', view])
  }

  /** Of the newest view of this group that it knows; 0: none. */
  #knownNumber(group: number): number {
    const { view, others, map } = this.#situation
    const known = (group === this.#situation.group ? view : others.get(group))?.number ?? 0
    return map === null ? known : Math.max(known, endOf(map, group))
  }

  /** There is a newer map. */
  mapped(): void {
    if (this.#hasEnded) this.#leaveEnded()
    else this.#primary?.level()
  }

  /** G8: the group that it has, or had last, a part in is no more. */
  get #hasEnded(): boolean {
    const { map, group, view } = this.#situation
    const last = map === null ? 0 : endOf(map, group)
    return last > 0 && Math.max(view?.number ?? 0, this.#found?.imprint.view ?? 0) <= last
  }

  #leaveEnded(): void {
    this.#found = null
    const reason = 'its group has ended'
    if (this.#backup !== null) this.#leaveBackup(reason)
    else if (this.#primary !== null || this.#recovery !== null) this.#giveUp(reason)
  }

  /** G1: a state stays in its group until a view of this group leaves it out; what it is copying counts for nothing. */
  get #hasState(): boolean {
    return this.#primary !== null || this.#recovery !== null || (this.#backup?.state ?? null) !== null
  }

  #leaveGroup(next: number): void {
    const { group, view, others } = this.#situation
    const connection = this.#backup?.connection ?? null
    if (connection !== null) this.#out.close(connection, null, `group ${next} has this server now`)
    this.#backup = null
    if (view !== null) others.set(group, view)
    others.delete(next)
    this.#situation.group = next
  }

  /** A view that gives this server no part is logged at debug only. */
  #noteView({ number, primary, backup }: View): void {
    const level = this.role === 'idle' ? 'debug' : 'info'
    const fields = { primary: primary.address, backup: backup?.address ?? null }
    if (!this.#over) this.#out.note(level, partTexts[this.role], { view: number, ...fields })
  }

  /** The record says that this view is in force. */
  acked(view: View): void {
    if (this.#over) return
    const recovery = this.#recovery
    if (view.group !== (recovery === null ? this.#found?.imprint.group : recovery.view.group)) return
    if (recovery?.ackable && recovery.view.number === view.number)
      this.#recovered(recovery, recovery.view) // D5
    // D3, D12: what an earlier view has left behind counts no more; after a recovery it may still be of use.
    else if (this.#found !== null && view.number > this.#found.imprint.view && !isRecovery(view))
      this.#found = null
  }

  #becomePrimary(view: View): void {
    if (view.start !== null && view.start.choice !== null) return this.#recover(view)
    if (this.#recovery !== null) return this.#recovered(this.#recovery, view)
    if (this.#primary !== null) return this.#primary.enter()
    const backup = this.#backup
    if (backup === null && view.start === null) return this.#stepDown('named primary without a state')
    if (backup !== null && !backup.toldInSync) return this.#stepDown('named primary before it was in sync')
    this.#cutPrimary(view)
    backup?.finish()
    this.#backup = null
    const imprint = this.#imprintOf(view, backup)
    if (backup !== null && backup.state !== null) {
      this.#startPrimary(backup.state, backup.leases, imprint).level()
      return
    }
    const primary = this.#startPrimary(new State(), new Leases(), imprint)
    // Only view 1, or a reset's view, begins with an empty state (V3, F14).
    if (view.start !== null) primary.start(view.start.tokenFloor, view.start.pauseMs, this.#options.limits)
    primary.level()
  }

  /** D2: a state begins, or goes on in another role; returns the number of its write. */
  #imprintOf(view: View, backup: Backup | null): number {
    const disk = this.viewDisk
    this.#found = null
    if (disk === null) return 0
    return backup === null ? disk.begin(view) : disk.imprint(view, 'primary')
  }

  /** D5: this server has, or has read, the state of the choice; it is nobody's primary before that is acked. */
  #recover(view: View): void {
    const disk = this.viewDisk
    const own = this.#primary?.state ?? this.#livingCopy()
    // D11: what is on a disk is no state of a view in memory.
    const read = disk === null ? null : this.#found
    const state = own ?? this.#recovery?.state ?? read?.state
    const recent = own === undefined ? (this.#recovery ?? read)?.recent : undefined
    if (state === undefined) return this.#stepDown('named primary without a state')
    this.#cutPrimary(view)
    this.#primary?.end()
    if (this.#primary !== null) this.#clients.closeAll()
    this.#primary = null
    this.#backup = null
    this.#found = null
    const isWritten = own !== undefined && view.start?.choice?.durability === 'disk'
    this.#recovery = new Recovery(disk, view, state, isWritten, recent)
    this.#out.note('warn', 'recovering the state', { view: view.number, operation: state.opNumber })
  }

  /** All that it has received was decided. */
  #livingCopy(): State | undefined {
    this.#backup?.finish()
    return this.#backup?.state ?? undefined
  }

  /** D5, D6: the recovery is on the record; from now on it answers. */
  #recovered(recovery: Recovery, view: View): void {
    const { monotonic } = this.#situation.now
    this.#recovery = null
    const isSame = view.number === recovery.view.number
    const imprint = isSame ? 0 : (this.viewDisk?.imprint(view, 'primary') ?? 0)
    const leases = recovery.leasesFrom(monotonic)
    const primary = this.#startPrimary(recovery.state, leases, imprint, recovery.recent)
    const { tokenFloor = 0, choice = null } = recovery.view.start ?? {}
    if (recovery.isEmpty) primary.start(tokenFloor, choice?.start?.pauseMs ?? 0, this.#options.limits)
    else primary.recover(tokenFloor)
    primary.level()
    this.#out.note('warn', 'the state is recovered', { view: view.number })
    if (isSame) this.#clients.tellAll(['view', view])
  }

  #startPrimary(state: State, leases: Leases, imprint: number, recent: Recent | null = null): Primary {
    const { id, pingIntervalMs, deadPings } = this.#options
    const pingLimitMs = pingIntervalMs * deadPings
    leases.extendAll(this.#situation.now.monotonic + promotionGraceMs(pingLimitMs)) // S3
    leases.times.promote(this.#situation.now.monotonic, state) // C4
    this.#situation.viewServerConnected = this.#viewLinks.connected
    const own = { id, pingLimitMs, deadPings, revokeNow: this.#options.revokeNow ?? false }
    const disk = this.viewDisk
    this.#primary = new Primary(
      this.#out,
      this.#inView,
      this.#clients,
      { state, leases },
      own,
      this.#turns,
      disk === null ? null : { disk, imprint },
      recent,
    )
    if (this.#standing !== null) this.#primary.survey(this.#standing)
    return this.#primary
  }

  /** V5: in each new view the backup begins not in sync; an old state stays until the new one is whole. */
  #becomeBackup(view: View): void {
    this.#cutPrimary(view)
    const found = this.#found ?? this.#backup?.found ?? null
    this.#found = null
    const isOfGroup = found?.imprint.group === view.group && !found.imprint.differs
    const kept = isOfGroup && this.viewDisk !== null ? found : null
    this.#backup = new Backup(this.#out, this.#inView, this.#clients, this.#backup, this.viewDisk, kept)
  }

  /** V5: a dropped backup with a whole snapshot becomes a new server; an incomplete copy does not count. */
  #leaveBackup(reason = 'no longer the backup'): void {
    const backup = this.#backup as Backup
    this.#cutPrimary(this.#inView.view)
    if (this.#leaves) return this.exit(0, 'left in order')
    if (backup.state !== null) return this.#giveUp(reason)
    this.#backup = null
  }

  /** The primary of an older view learns at once which view is in force (R2). */
  #cutPrimary(view: View): void {
    const connection = this.#backup?.connection ?? null
    if (connection === null) return
    this.#out.send(connection, ['view', view])
    this.#out.close(connection, null, 'a newer view')
    this.#backup?.closed(connection)
  }

  /** D2: a newer view does not name this server: its state counts no more, on its disk either. */
  #giveUp(reason: string): void {
    if (!this.#leaves && this.durable) this.disk?.write({ is: 'given up' })
    this.#stepDown(reason)
  }

  /** R5: drops the state and everything that waits; the driver goes on with a new core. */
  #stepDown(reason: string): void {
    if (this.#leaves) return this.exit(0, 'left in order')
    this.#over = true
    this.#out.count({ is: 'step-down' })
    if (this.#situation.view !== null) this.#clients.tellAll(['view', this.#situation.view])
    this.#out.note('warn', 'stepping down', { reason })
    this.#out.do({ do: 'step-down', reason })
  }

  exit(status: number, reason: string): void {
    this.#over = true
    const view = this.toldView
    if (view !== null) this.#clients.tellAll(['view', view])
    this.#out.do({ do: 'exit', status, reason })
  }
}

function ownerOf({ id, address }: ServerCoreOptions): { id: string; address: string } {
  return { id, address }
}

function isRecovery({ start }: View): boolean {
  return start !== null && start.choice !== null
}

function isNamed({ primary, backup }: View, id: string): boolean {
  return primary.id === id || backup?.id === id
}

/** D5: the view that all others know of while this one is recovered. */
function choiceView({ group, start }: View): View | null {
  if (start === null || start.choice === null) return null
  const { number, primary, backup, durability, start: before } = start.choice
  return {
    group,
    number,
    primary,
    backup,
    durability,
    start: before === null ? null : { ...before, choice: null },
  }
}

// Where the faults of a story are injected: its cluster, its users and its referee; whom a fault picks, and how
// long it lasts. The scene itself breaks nothing and remembers nothing.

import type { ClientParty, Cluster, LockServerParty } from '../../fixtures/cluster.ts'
import type { Party } from '../../fixtures/network.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Shape } from '../plan.ts'
import type { Referee } from '../referee.ts'
import type { Trace } from '../trace.ts'
import type { Users } from '../users.ts'

export interface Pair {
  readonly primary: LockServerParty | undefined
  readonly backup: LockServerParty | undefined
}

export class Scene {
  readonly cluster: Cluster
  readonly shape: Shape
  readonly users: Users
  readonly referee: Referee
  readonly trace: Trace
  /** Machines without power: nothing on them can start. */
  readonly off = new Set<string>()

  /** An operator has asked for another durability, and it may be in force at any moment. */
  changes = false

  constructor(cluster: Cluster, shape: Shape, users: Users, referee: Referee, trace: Trace) {
    this.cluster = cluster
    this.shape = shape
    this.users = users
    this.referee = referee
    this.trace = trace
  }

  get now(): number {
    return this.cluster.network.time
  }

  get viewNumber(): number {
    return this.cluster.view?.number ?? 0
  }

  /** Its machine has no power, or its disk no room (D8: then a server ends at its start). */
  cannotStart(name: string): boolean {
    return this.off.has(name) || this.cluster.options.journalDiskOf?.(name).room === 'none'
  }

  /** D11: the state outlives a loss of power, in every group. */
  get onDisk(): boolean {
    const { cluster, referee } = this
    return cluster.hasJournals && cluster.inEach(() => referee.leftCopies.onDisk).every(is => is)
  }

  /** R4: a copy that is wrong need not be readable on its disk (D7); whether the other one is there. */
  mayGoWrong(name: string): boolean {
    const disk = this.cluster.options.journalDiskOf?.(name)
    if (disk === undefined) return true
    const { leftCopies } = this.referee
    if (this.shape.careful && !leftCopies.mayBurn(name)) return false
    disk.isSpoilt = true
    leftCopies.doubts(name)
    return true
  }

  /** Hears of each thing that is done by a fault. */
  onDone: ((text: string) => void) | null = null

  tell(text: () => string): void {
    this.onDone?.(text())
    this.trace.tell(() => `!! ${text()}`)
  }

  /** How long a fault lasts: mostly short, unless the story says otherwise. */
  duration(dice: Random): number {
    const part = dice.next()
    return (this.shape.lasting ? (1 + part) / 2 : part * part) * this.shape.longMs
  }

  // ---- whom

  /** The servers of the newest view, as far as they live and still have its ids. */
  get pair(): Pair {
    const { servers, view } = this.cluster
    const living = (id: string | undefined) => servers.find(server => server.alive && server.id === id)
    return { primary: living(view?.primary.id), backup: living(view?.backup?.id) }
  }

  get livingUsers(): ClientParty[] {
    return this.users.users.filter(user => user.alive)
  }

  /** The primary half of the time; or the one that it was before. */
  server(dice: Random): LockServerParty {
    const { faithful } = this.shape
    const again = this.cluster.servers.find(({ alive, name }) => alive && name === this.#server)
    if (faithful && again !== undefined) return again
    const server = this.#anyServer(dice)
    this.#server = server.name
    return server
  }
  #server = ''

  #anyServer(dice: Random): LockServerParty {
    const { primary } = this.pair
    const living = this.cluster.servers.filter(server => server.alive)
    if (dice.chance(0.5) && primary !== undefined) return primary
    return living.length > 0 ? dice.pick(living) : dice.pick(this.cluster.servers)
  }

  idleServer(dice: Random): LockServerParty | undefined {
    const { primary, backup } = this.pair
    const idle = this.cluster.servers.filter(
      server => server.alive && server !== primary && server !== backup,
    )
    return idle.length > 0 ? dice.pick(idle) : undefined
  }

  /** Two that talk to each other; or those that it were before. */
  two(dice: Random): [Party, Party] {
    const [one, other] = this.#pair.map(known =>
      this.cluster.network.parties.find(({ name }) => name === known),
    )
    if (this.shape.faithful && one !== undefined && other !== undefined) return [one, other]
    const two = this.#anyTwo(dice)
    this.#pair = two.map(({ name }) => name)
    return two
  }
  #pair: readonly string[] = []

  #anyTwo(dice: Random): [Party, Party] {
    const { viewServer, servers } = this.cluster
    const { primary, backup } = this.pair
    const server = dice.chance(0.6) && primary !== undefined ? primary : this.server(dice)
    switch (dice.below(4)) {
      case 0:
        return [server, viewServer]
      case 1:
        return [server, dice.pick(this.users.users)]
      case 2:
        return [viewServer, dice.pick(this.users.users)]
      default: {
        const others = servers.filter(other => other.alive && other !== server)
        const other = backup !== undefined && backup !== server && dice.chance(0.7) ? backup : others[0]
        return [server, other ?? viewServer]
      }
    }
  }
}

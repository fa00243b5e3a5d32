// Does what the plan says to a story's cluster: kills, freezes, cuts, blocks, stalls, bad disks, and
// ambushes that wait for a message. In careful stories the last server with the state never dies (F1), so that
// its loss is never the faults' doing. All that it breaks it can mend.

import type { Message } from '../../wire/messages.ts'
import type { ClientParty, Cluster, LockServerParty, ViewServerParty, Write } from '../fixtures/cluster.ts'
import { HandParty } from '../fixtures/cluster.ts'
import type { Machine } from '../fixtures/machine.ts'
import type { Party, Wire } from '../fixtures/network.ts'
import { type Random, random } from '../fixtures/random.ts'
import type { FaultKind, Shape } from './plan.ts'
import type { Referee } from './referee.ts'
import type { Strangers } from './strangers.ts'
import type { Trace } from './trace.ts'
import type { Users } from './users.ts'

interface Ambush {
  readonly kind: string
  /** This many such frames pass first. */
  skip: number
  readonly act:
    | 'kill sender'
    | 'kill receiver'
    | 'cut'
    | 'sever'
    | 'stall'
    | 'lose and kill sender'
    | 'freeze receiver'
  readonly dice: Random
}

interface ResumesLate {
  readonly user: ClientParty
  readonly ms: number
  readonly losesMore: boolean
}

type Trap = (from: Party, to: Party, messages: readonly Message[], wire: Wire) => void

/** To numbered requests, each of which is kept until its client has heard it (S1). */
const replies: ReadonlySet<string> = new Set(['granted', 'released', 'unavailable', 'cancel-done', 'refused'])

const ambushesMax = 3
/** An operator goes on asking, about so often, until there is a state again. */
const resetTries = 10
const never = Number.POSITIVE_INFINITY
/** After this long a server that was cut off or frozen is surely seen as what it is again. */
const recoveryMs = 1_000

export class Faults {
  done = 0
  readonly #cluster: Cluster
  readonly #shape: Shape
  readonly #users: Users
  readonly #referee: Referee
  readonly #strangers: Strangers
  readonly #trace: Trace
  readonly #diskDice: Random
  readonly #frameDice: Random
  readonly #mending: (() => void)[] = []
  #ambushes: Ambush[] = []
  /** Sees each frame until it has sprung. */
  #trap: Trap | null = null
  /** Since when a living server may be believed dead. */
  readonly #doubted = new Map<Party, number>()
  readonly #suspended = new Set<Party>()
  readonly #setBack = new Set<Party>()
  #resumesLate: ResumesLate | null = null
  #slowDiskMs = 0
  #failingWrites = 0
  #killAfterWrite = false
  #operators = 0
  /** What is broken and not mended yet, and since when nothing has broken or was mended. */
  #unmended = 0
  #isolatedAt = Number.NEGATIVE_INFINITY
  #quietSince = 0
  #over = false
  /** When all is mended, one that is dead stays so in some stories: the others must do without it (F2). */
  readonly #leavesOneDead: boolean
  #staysDead: string | null = null

  constructor(
    cluster: Cluster,
    seed: number,
    shape: Shape,
    users: Users,
    referee: Referee,
    strangers: Strangers,
    trace: Trace,
  ) {
    this.#cluster = cluster
    this.#shape = shape
    this.#users = users
    this.#referee = referee
    this.#strangers = strangers
    this.#trace = trace
    this.#diskDice = random(seed + 3)
    this.#frameDice = random(seed + 4)
    this.#leavesOneDead = random(seed + 5).chance(0.3)
    const { typicalMs, rarePart, worstMs } = shape.delay
    referee.roughNetwork = shape.cutPart > 0 || (rarePart > 0 && worstMs >= 300)
    referee.onExit = party => this.#exited(party)
    cluster.network.delayMs = () => {
      const dice = this.#frameDice
      return rarePart > 0 && dice.chance(rarePart) ? dice.next() * worstMs : typicalMs * (0.2 + dice.next())
    }
    cluster.network.onFrame = (from, to, messages, wire) => this.#onFrame(from, to, messages, wire)
    cluster.viewServer.onWrite = () => this.#write()
  }

  perform(kind: FaultKind, salt: number): void {
    if (this.#over) return
    this.done++
    if (kind !== 'isolate view server') this.#quietSince = this.#now
    this.#strikes[kind](random(salt))
  }

  /** Nothing breaks any more, and all that is broken is mended. */
  heal(): void {
    this.#over = true
    this.#ambushes = []
    this.#trap = null
    this.#slowDiskMs = 0
    this.#failingWrites = 0
    this.#killAfterWrite = false
    this.#leaveOneDead()
    for (const mend of this.#mending.splice(0)) mend()
    for (const server of [...this.#cluster.servers]) if (!server.alive) this.#restart(server.name)
    if (!this.#cluster.viewServer.alive) this.#cluster.viewServer.restart()
  }

  #leaveOneDead(): void {
    const { servers } = this.#cluster
    const dead = servers.find(server => !server.alive)
    const enough = servers.filter(server => server.alive).length >= 2
    if (this.#leavesOneDead && enough && dead !== undefined) this.#staysDead = dead.name
  }

  /** Whether this server must be there when all is mended. */
  isWanted(server: LockServerParty): boolean {
    return server.name !== this.#staysDead
  }

  /** F14: what an operator does when the service says that the state is lost. */
  reset(): void {
    const { view } = this.#cluster
    if (view === null) return
    const operator = new HandParty(this.#cluster, `operator ${++this.#operators}`)
    this.#trace.tell(() => `${operator.name} asks for a reset of view ${view.number}`)
    operator.dial(this.#cluster.viewServer.address).say(['reset', 1, view.number, false])
    this.#cluster.network.after(5_000, () => operator.kill())
  }

  // ---- what

  readonly #strikes: Readonly<Record<FaultKind, (dice: Random) => void>> = {
    'kill primary': dice => this.#killServer(this.#pair.primary, dice),
    'kill backup': dice => this.#killServer(this.#pair.backup, dice),
    'kill idle server': dice => this.#killServer(this.#idle(dice), dice),
    'crash machine': dice => this.#crash(this.#server(dice), dice),
    'kill view server': dice => this.#killViewServer(dice),
    'kill view server between write and telling': () => {
      this.#killAfterWrite = true
    },
    'freeze server': dice => this.#freeze(this.#server(dice), dice),
    'freeze view server': dice => this.#freeze(this.#cluster.viewServer, dice),
    'freeze client': dice => this.#freeze(dice.pick(this.#living), dice),
    'suspend machine': dice => this.#suspend(dice),
    'set wall clock': dice => this.#setWall(dice),
    cut: dice => this.#sever(this.#two(dice), dice, false),
    'half-open': dice => this.#sever(this.#two(dice), dice, true),
    block: dice => this.#block(...this.#two(dice), dice),
    isolate: dice => this.#isolate(this.#server(dice), dice),
    'isolate view server': dice => this.#isolateViewServer(dice),
    'late hello': dice => this.#lateHello(this.#server(dice), dice),
    'late resume': dice => this.#lateResume(dice),
    split: dice => this.#split(dice),
    stall: dice => this.#stall(...this.#two(dice), dice),
    ambush: dice => this.#lay(dice),
    leave: dice => this.#leave(this.#server(dice)),
    'kill client': dice => this.#killClient(dice),
    'silent death': dice => this.#silentDeath(dice),
    'lost state': dice => this.#loseState(dice),
    'freeze both': dice => this.#freezeBoth(dice),
    'strand client': dice => this.#strand(dice),
    'slow disk': dice => this.#slowDisk(dice),
    'failing disk': dice => {
      this.#failingWrites = 1 + dice.below(2)
    },
    'corrupt copy': dice => this.#corrupt(dice),
    'operator reset': () => this.reset(),
    stranger: dice => this.#strangers.come(dice),
  }

  // ---- when

  /** Mended after a while, or when the story heals. */
  #mendLater(ms: number, what: string, mend: () => void): void {
    let mended = false
    this.#unmended++
    const once = () => {
      if (mended) return
      mended = true
      this.#unmended--
      this.#quietSince = this.#now
      this.#trace.tell(() => `-- ${what}`)
      mend()
    }
    this.#mending.push(once)
    this.#cluster.network.after(ms, once)
  }

  /** Mostly short. */
  #duration(dice: Random): number {
    const part = dice.next()
    return part * part * this.#shape.longMs
  }

  #tell(text: () => string): void {
    this.#trace.tell(() => `!! ${text()}`)
  }

  get #now(): number {
    return this.#cluster.network.time
  }

  get #viewNumber(): number {
    return this.#cluster.view?.number ?? 0
  }

  /** A living server may be believed dead for that time; the other server with the state must not die then. */
  #doubt(party: Party, ms: number, what: string, mend: () => void): void {
    const since = this.#now
    this.#doubted.set(party, since)
    // F9: that the view server stands still or is alone makes it suspect no server.
    if (party.kind !== 'viewserver') this.#referee.touch(party, this.#now + ms)
    this.#mendLater(ms, what, () => {
      mend()
      if (party.kind === 'viewserver') this.#referee.viewServerIsBack(since)
      this.#cluster.network.after(recoveryMs, () => this.#doubted.delete(party))
    })
  }

  // ---- deaths

  /** The servers of the newest view that live and still have its ids. */
  get #pair(): { primary: LockServerParty | undefined; backup: LockServerParty | undefined } {
    const { servers, view } = this.#cluster
    const living = (id: string | undefined) => servers.find(server => server.alive && server.id === id)
    return { primary: living(view?.primary.id), backup: living(view?.backup?.id) }
  }

  /** Whether the rules promise that the state outlives this server (F1). */
  #mayDie(server: Party): boolean {
    if (!this.#shape.careful) return true
    const { viewServer, view, network } = this.#cluster
    const { primary, backup } = this.#pair
    if (server !== primary && server !== backup) return !viewServer.saving || server.kind !== 'lockserver'
    if (primary === undefined || viewServer.saving) return false
    // V3: a primary that is only frozen is not found dead yet, so no other server is promoted.
    if (server === backup) return network.time - (this.#doubted.get(primary) ?? network.time) < 300
    // What it said of an unreachable backup may be on its way still, and would cost the view its backup.
    if (this.#doubted.has(primary) && !primary.frozen) return false
    if (backup === undefined || backup.frozen || this.#doubted.has(backup) || backup.core.leaving)
      return false
    return viewServer.acked || this.#referee.backupKnows(view)
  }

  #killServer(server: LockServerParty | undefined, dice: Random): void {
    if (server === undefined || !server.alive || !this.#mayDie(server)) return
    this.#tell(() => `kill ${server.name} (${server.core.role}) in ${this.#cluster.viewText}`)
    if (dice.chance(0.1)) return this.#stop(server, dice)
    this.#losing(server, dice)
    this.#die(server)
    const restart = () => this.#restart(server.name)
    if (dice.chance(0.2)) restart()
    else this.#mendLater(this.#duration(dice), `restart ${server.name}`, restart)
  }

  /** In order, but at once: nothing is handed over. */
  #stop(server: LockServerParty, dice: Random): void {
    this.#tell(() => `which its operator does`)
    this.#referee.touch(server, this.#now)
    this.#referee.killed(server)
    if (server.frozen) server.kill()
    else server.stop()
    this.#mendLater(this.#duration(dice), `restart ${server.name}`, () => this.#restart(server.name))
  }

  #die(server: LockServerParty): void {
    this.#referee.touch(server, this.#now)
    this.#referee.killed(server)
    server.kill()
  }

  #restart(name: string): void {
    const server = this.#cluster.server(name)
    if (!server.alive && this.isWanted(server)) server.restart()
  }

  /** With a kill goes what is still in the sender's buffers, sometimes, or some of it. */
  #losing(party: Party, dice: Random): void {
    if (!dice.chance(0.4)) return
    const arrives = [dice.next(), dice.next()] as const
    for (const other of [...this.#cluster.network.parties])
      this.#cluster.network.sever(party, other, { arrives, noticeMs: [0, 0] })
  }

  /** No peer learns of it: connections hang, and dials are neither accepted nor refused. */
  #crash(server: LockServerParty, dice: Random): void {
    if (!server.alive || !this.#mayDie(server)) return
    const { network } = this.#cluster
    const others = network.parties.filter(other => other !== server)
    this.#tell(
      () => `the machine of ${server.name} (${server.core.role}) crashes in ${this.#cluster.viewText}`,
    )
    for (const other of others) {
      network.sever(server, other, { arrives: [0, dice.next()], noticeMs: [never, never] })
      network.cutOff(server, other)
    }
    this.#die(server)
    const ms = this.#duration(dice)
    this.#referee.touch(server, this.#now + ms)
    this.#mendLater(ms, `restart ${server.name}`, () => {
      for (const other of others) network.heal(server, other)
      this.#restart(server.name)
    })
  }

  #killViewServer(dice: Random): void {
    const { viewServer } = this.#cluster
    if (!viewServer.alive) return
    this.#tell(() => `kill VS${viewServer.saving ? ' while it saves' : ''}`)
    this.#losing(viewServer, dice)
    this.#viewServerDies(dice)
  }

  #viewServerDies(dice: Random): void {
    const { viewServer } = this.#cluster
    this.#referee.touch(viewServer, this.#now)
    this.#referee.viewServerDied()
    if (dice.chance(0.2) && !viewServer.frozen) viewServer.stop()
    else viewServer.kill()
    this.#viewServerBack(dice)
  }

  #viewServerBack(dice: Random): void {
    const { viewServer } = this.#cluster
    const ms = this.#duration(dice)
    this.#referee.touch(viewServer, this.#now + ms)
    this.#mendLater(ms, 'restart VS', () => {
      if (!viewServer.alive) viewServer.restart()
    })
  }

  /** Ended by itself: its supervisor starts it again. */
  #exited(party: LockServerParty | ViewServerParty): void {
    this.#referee.touch(party, this.#now)
    if (party.kind === 'viewserver') this.#viewServerBack(this.#diskDice)
    else this.#mendLater(100, `restart ${party.name}`, () => this.#restart(party.name))
  }

  #killClient(dice: Random): void {
    const living = this.#living
    if (living.length < 2) return
    const held = (user: ClientParty) => this.#users.holdsOf(user)
    // What a session leaves behind matters when it is much.
    const richest = living.reduce((most, user) => (held(user) > held(most) ? user : most))
    const user = dice.chance(0.5) ? richest : dice.pick(living)
    this.#tell(() => `kill ${user.name}`)
    this.#losing(user, dice)
    user.kill()
    this.#users.replace(user)
  }

  #leave(server: LockServerParty): void {
    const { primary, backup } = this.#pair
    if (!server.alive || !this.#mayDie(server) || (server === primary && backup === undefined)) return
    this.#tell(() => `${server.name} (${server.core.role}) is told to leave`)
    this.#referee.touch(server, this.#now + this.#shape.drainMs)
    this.#referee.leaving.add(server.id)
    server.leave()
  }

  // ---- standstills

  #freeze(party: Machine, dice: Random): void {
    if (!party.alive || party.frozen) return
    this.#tell(() => `freeze ${party.name}`)
    party.freeze()
    this.#doubt(party, this.#duration(dice) * 1.5, `thaw ${party.name}`, thaw(party))
  }

  /** Its monotonic clock stands still in the meantime; so its wall clock must not have been set back (S4). */
  #suspend(dice: Random): void {
    const { viewServer, servers } = this.#cluster
    const party: Machine = dice.chance(0.6)
      ? dice.pick(this.#living)
      : dice.pick([viewServer, ...servers.filter(server => server.alive)])
    if (!party.alive || party.frozen || this.#setBack.has(party)) return
    this.#tell(() => `suspend the machine of ${party.name}`)
    this.#suspended.add(party)
    party.suspend()
    this.#doubt(party, this.#duration(dice) * 1.5, `wake the machine of ${party.name}`, thaw(party))
  }

  #setWall(dice: Random): void {
    const { viewServer, servers } = this.#cluster
    const party: Machine = dice.pick([...this.#living, viewServer, ...servers])
    if (!party.alive || this.#suspended.has(party)) return
    const byMs = Math.floor((dice.next() - 0.5) * 10_000)
    this.#tell(() => `set the wall clock of ${party.name} by ${byMs} ms`)
    this.#setBack.add(party)
    party.setWall(byMs)
  }

  // ---- the network

  /** At any byte: part of what is in flight still arrives. A half-open one is noticed late, or never. */
  #sever([a, b]: readonly [Party, Party], dice: Random, halfOpen: boolean): void {
    const notice = () => (halfOpen ? dice.pick([0, 50, 1_000, never]) : dice.pick([0, 0, 1]))
    this.#tell(() => `cut ${a.name} ${b.name}${halfOpen ? ', half open' : ''}`)
    this.#referee.touch(a, this.#now)
    this.#referee.touch(b, this.#now)
    const arrives = [dice.next(), dice.next()] as const
    this.#cluster.network.sever(a, b, { arrives, noticeMs: [notice(), notice()] })
  }

  #block(a: Party, b: Party, dice: Random): void {
    const { network } = this.#cluster
    const bothWays = dice.chance(0.5)
    const ms = this.#duration(dice)
    this.#tell(() => `block ${a.name} ${bothWays ? '<>' : '>'} ${b.name}`)
    network.block(a, b)
    if (bothWays) network.block(b, a)
    this.#doubted.set(b, this.#now)
    this.#referee.touch(b, this.#now + ms)
    this.#doubt(a, ms, `heal ${a.name} ${b.name}`, () => {
      network.heal(a, b)
      this.#doubted.delete(b)
    })
  }

  /** A server loses sight of all but a few. */
  #isolate(server: LockServerParty, dice: Random): void {
    const { network, viewServer, servers } = this.#cluster
    const others = [viewServer, ...servers, ...this.#users.users].filter(
      other => other !== server && dice.chance(other === viewServer ? 0.8 : 0.5),
    )
    this.#tell(() => `isolate ${server.name} from ${others.map(({ name }) => name).join(' ')}`)
    for (const other of others) network.cutOff(server, other)
    this.#doubt(server, this.#duration(dice), `heal ${server.name}`, () => {
      for (const other of others) network.heal(server, other)
    })
  }

  /** F9: it hears no server, so it suspects none: this explains no new view. */
  #isolateViewServer(dice: Random): void {
    const { network, viewServer, servers } = this.#cluster
    const others = [...servers, ...this.#users.users]
    this.#tell(() => 'isolate VS')
    this.#isolatedAt = this.#now
    this.#referee.diesHeard()
    const since = this.#now
    for (const other of others) network.cutOff(viewServer, other)
    const { done } = this
    const number = this.#unmended === 0 && this.#now - this.#quietSince > recoveryMs ? this.#viewNumber : null
    this.#mendLater(this.#duration(dice), 'heal VS', () => {
      for (const other of others) network.heal(viewServer, other)
      this.#referee.viewServerIsBack(since)
      network.after(recoveryMs, () => {
        if (number !== null && this.done === done) this.#referee.undisturbed(number)
      })
    })
  }

  /** V5: the hello of a process that is dead by then arrives behind that of its successor. */
  #lateHello(server: LockServerParty, dice: Random): void {
    const { network, viewServer } = this.#cluster
    if (!server.alive || !this.#mayDie(server)) return
    this.#tell(() => `cut ${server.name} VS; its next hello will be late, and it dead`)
    this.#referee.touch(server, this.#now + 1_000)
    network.cut(server, viewServer)
    const ms = 50 + this.#duration(dice)
    network.onHello = (from, to, stall) => {
      if (from !== server || to !== viewServer) return
      network.onHello = null
      this.#mendLater(ms, `the late hello of ${server.name} goes on`, stall())
      network.after(0, () => {
        if (this.#over || !server.alive || !this.#mayDie(server)) return
        this.#tell(() => `kill ${server.name} (${server.core.role}), which starts again at once`)
        this.#die(server)
        this.#restart(server.name)
      })
    }
  }

  /** S2: a resume arrives behind that of a later connection of its client. */
  #lateResume(dice: Random): void {
    const { primary } = this.#pair
    const users = this.#living.filter(user => !user.frozen)
    if (users.length === 0 || primary === undefined) return
    const user = dice.pick(users)
    this.#tell(() => `cut ${user.name} ${primary.name}; its next resume will be late`)
    this.#cluster.network.cut(user, primary)
    this.#resumesLate = { user, ms: 20 + this.#duration(dice), losesMore: dice.chance(0.5) }
  }

  #delayResume(wire: Wire, [, , , next]: Message): void {
    const { network } = this.#cluster
    const { user, ms, losesMore } = this.#resumesLate as ResumesLate
    this.#resumesLate = null
    let letGo: (() => void) | null = network.stallOne(wire)
    const once = () => {
      letGo?.()
      letGo = null
    }
    this.#mendLater(ms, `the late resume of ${user.name} goes on`, once)
    network.after(0, () => network.forsake(user, wire))
    if (losesMore) this.#loseAnswer(user, wire, next as number, once)
  }

  /** S1: the next connection is lost as well, with an answer that the late resume knows nothing of; then it arrives. */
  #loseAnswer(user: ClientParty, late: Wire, next: number, letGo: () => void): void {
    const { network } = this.#cluster
    this.#trap = (from, to, messages, wire) => {
      const answer = messages.find(([kind, number]) => replies.has(kind) && (number as number) >= next)
      if (to !== user || wire === late || answer === undefined) return
      this.#trap = null
      this.#tell(() => `cut ${user.name} ${from.name} at "${answer[0]}"; its late resume arrives`)
      network.after(0, () => {
        network.cutWire(wire)
        letGo()
      })
    }
  }

  /** The primary and some clients on one side, all others on the other. */
  #split(dice: Random): void {
    const { network, viewServer, servers } = this.#cluster
    const { primary } = this.#pair
    if (primary === undefined) return
    const here: Party[] = [primary, ...this.#users.users.filter(() => dice.chance(0.4))]
    const there = [viewServer, ...servers, ...this.#users.users].filter(party => !here.includes(party))
    const pairs = here.flatMap(one => there.map(other => [one, other] as const))
    this.#tell(() => `split ${here.map(({ name }) => name).join(' ')} from the others`)
    for (const [one, other] of pairs) network.cutOff(one, other)
    this.#doubt(primary, this.#duration(dice) + 300, `heal the split of ${primary.name}`, () => {
      for (const [one, other] of pairs) network.heal(one, other)
    })
  }

  #stall(a: Party, b: Party, dice: Random): void {
    this.#tell(() => `stall ${a.name} ${b.name}`)
    const ms = this.#duration(dice)
    this.#referee.touch(a, this.#now + ms)
    this.#referee.touch(b, this.#now + ms)
    this.#mendLater(ms, `let go ${a.name} ${b.name}`, this.#cluster.network.stall(a, b))
  }

  // ---- disks and memory

  #write(): Write {
    const dice = this.#diskDice
    this.#referee.wrote()
    const saveMs = this.#shape.diskMs * (0.3 + dice.next() * 1.5) + this.#slowDiskMs
    if (this.#failingWrites > 0) {
      this.#failingWrites--
      return { saveMs, tellMs: 0, fails: dice.chance(0.5) ? 'lost' : 'late' }
    }
    if (!this.#killAfterWrite) return { saveMs, tellMs: dice.pick([0, 0, 0.5]), fails: 'no' }
    this.#killAfterWrite = false
    this.#cluster.network.after(saveMs + 0.25, () => {
      if (this.#over || !this.#cluster.viewServer.alive) return
      this.#tell(() => 'kill VS between its write and its telling')
      this.#viewServerDies(dice)
    })
    return { saveMs, tellMs: 0.5, fails: 'no' }
  }

  #slowDisk(dice: Random): void {
    this.#slowDiskMs = dice.pick([20, 100, 600])
    this.#tell(() => `each write of VS takes ${this.#slowDiskMs} ms longer`)
    const ms = this.#duration(dice)
    this.#referee.touch(this.#cluster.viewServer, this.#now + ms)
    this.#mendLater(ms, 'the disk of VS is well again', () => {
      this.#slowDiskMs = 0
    })
  }

  /** R4: a copy that is wrong where clients don't see it; the primary is believed, and the backup dropped. */
  #corrupt(dice: Random): void {
    const { backup } = this.#pair
    const state = backup?.core.role === 'backup' ? backup.core.state : null
    const { view } = this.#cluster
    if (backup === undefined || state === null || !this.#mayDie(backup)) return
    if (!this.#referee.backupKnows(view)) return // or its new copy would put it right
    if (this.#referee.corrupted.has(backup.id)) return // twice might make it right again
    const what = dice.pick(['digest', 'token'] as const)
    this.#tell(() => `the copy of ${backup.name} has a wrong ${what}`)
    this.#referee.corrupted.add(backup.id)
    this.#referee.touch(backup, this.#now + 1_000)
    if (what === 'digest') this.#referee.wrongDigest.add(backup.id)
    if (what === 'digest') state.digest = (state.digest ^ 1) >>> 0
    else state.table.start(state.table.lastToken + 7, state.table.paused, state.limits.waitersPerLockMax)
    this.#doubt(backup, 500, `${backup.name} is dropped, or wrong for good`, () => {})
  }

  // ---- well aimed

  /** Only when nothing else is wrong with the view, so that what the rules promise is known. */
  #calm(strike: (primary: LockServerParty, backup: LockServerParty, well: () => boolean) => void): void {
    const { viewServer, view } = this.#cluster
    const { primary, backup } = this.#pair
    if (primary === undefined || backup === undefined || primary.core.leaving || backup.core.leaving) return
    const parties = [viewServer, primary, backup]
    const well = () =>
      viewServer.acked && !viewServer.saving && this.#cluster.view === view && parties.every(p => p.alive)
    if (well() && parties.every(party => !party.frozen && !this.#doubted.has(party)))
      strike(primary, backup, well)
  }

  /** What the primary decides does not reach the backup any more; it dies before anybody doubts it (R1). */
  #silentDeath(dice: Random): void {
    this.#calm((primary, backup, well) => {
      const { network } = this.#cluster
      const ms = dice.next() * 300
      this.#tell(() => `${primary.name} reaches ${backup.name} no more`)
      this.#referee.touch(primary, this.#now + ms)
      network.block(primary, backup)
      for (let cuts = dice.below(4); cuts > 0; cuts--)
        network.after(dice.next() * ms, () => network.cut(primary, dice.pick(this.#users.users)))
      this.#mendLater(ms, `${primary.name} dies, or reaches ${backup.name} again`, () => {
        if (!this.#over && well() && !backup.frozen && !primary.frozen) {
          for (const other of [...network.parties]) network.cut(primary, other)
          this.#killServer(primary, dice)
        }
        network.heal(primary, backup)
      })
    })
  }

  /** V3: the primary is found dead, and so would be the backup, a moment later: it must not be promoted. */
  #freezeBoth(dice: Random): void {
    const late = this.#unmended > 0 || this.#shape.delay.rarePart > 0
    if (dice.chance(0.3) && !late) return this.#lastWords(dice)
    this.#calm((primary, backup, well) => {
      this.#tell(() => `freeze ${primary.name}, and soon ${backup.name}`)
      primary.freeze()
      this.#doubt(primary, 400 + dice.next() * 1_000, `thaw ${primary.name}`, thaw(primary))
      this.#cluster.network.after(dice.next() * 450, () => {
        if (this.#over || !well() || backup.frozen) return
        this.#tell(() => `freeze ${backup.name}`)
        backup.freeze()
        this.#doubt(backup, 100 + dice.next() * 900, `kill or thaw ${backup.name}`, () => {
          if (!backup.alive || !backup.frozen) return
          if (this.#over || !well() || dice.chance(0.3)) return backup.thaw()
          this.#tell(() => `kill ${backup.name}`)
          this.#die(backup)
          this.#mendLater(dice.next() * 500, `restart ${backup.name}`, () => this.#restart(backup.name))
        })
      })
    })
  }

  /**
   * V3: the view server sleeps while the primary says that it cannot reach its backup, and dies. Not while
   * something else holds these words back: what comes late after the sleep would be believed (TESTING.md).
   */
  #lastWords(dice: Random): void {
    this.#calm((primary, backup, well) => {
      const { network, viewServer } = this.#cluster
      // Late enough for the report, and too soon for the primary to give the sleeping view server up.
      const sleepMs = 300 + dice.next() * 200
      const ms = 620 + dice.next() * 200
      const began = this.#now
      this.#tell(() => `${primary.name} reaches ${backup.name} no more, and soon VS is frozen`)
      this.#referee.touch(primary, this.#now + ms)
      network.cutOff(primary, backup)
      this.#mendLater(ms, `${primary.name} dies, or reaches ${backup.name} again`, () => {
        const alone = this.#isolatedAt >= began || this.#unmended > 1 || backup.core.leaving
        if (!this.#over && !alone && well() && viewServer.frozen && !backup.frozen && !primary.frozen) {
          this.#tell(() => `kill ${primary.name}`)
          this.#referee.diesUnseen(primary.id)
          this.#die(primary)
          this.#mendLater(dice.next() * 500, `restart ${primary.name}`, () => this.#restart(primary.name))
        }
        network.heal(primary, backup)
      })
      network.after(sleepMs, () => {
        if (this.#over || !well() || viewServer.frozen) return
        viewServer.freeze()
        this.#doubt(viewServer, ms - sleepMs + 5 + dice.next() * 200, 'thaw VS', thaw(viewServer))
      })
    })
  }

  /** S4: its last renewals are confirmed late, then it is alone for longer than its lease. */
  #strand(dice: Random): void {
    const { primary, backup } = this.#pair
    const users = this.#living.filter(user => !user.frozen)
    if (users.length === 0 || primary === undefined) return
    const user = dice.pick(users)
    if (dice.chance(0.5)) return this.#strandBetween(user, primary, backup, dice)
    const { network } = this.#cluster
    this.#tell(() => `strand ${user.name}`)
    network.block(primary, user)
    this.#mendLater(50 + dice.next() * 650, `${primary.name} reaches ${user.name}`, () => {
      network.heal(primary, user)
      if (this.#over) return
      // What was said to it arrives, and its last words do not.
      network.after(dice.next() * 12, () => {
        if (!this.#over) this.#leaveAlone(user, dice)
      })
    })
  }

  #leaveAlone(user: ClientParty, dice: Random): void {
    const { network, viewServer, servers } = this.#cluster
    const others = [viewServer, ...servers]
    for (const other of others) network.cutOff(user, other)
    this.#mendLater(1_000 + dice.next() * 3_000, `heal ${user.name}`, () => {
      for (const other of others) network.heal(user, other)
    })
  }

  /** S3: it is alone while the next primary takes over, which knows of its lease by renewals, or only by its copy. */
  #strandBetween(
    user: ClientParty,
    primary: LockServerParty,
    backup: LockServerParty | undefined,
    dice: Random,
  ): void {
    this.#tell(() => `strand ${user.name}, while ${primary.name} is about to die`)
    this.#leaveAlone(user, dice)
    if (backup !== undefined && dice.chance(0.5)) this.#killServer(backup, dice)
    const kill = (tries: number) => {
      if (this.#over || !primary.alive) return
      const { primary: now, backup: next } = this.#pair
      if (now === primary && next !== undefined && this.#cluster.viewServer.acked && this.#mayDie(primary))
        this.#killServer(primary, dice)
      else if (tries > 0) this.#cluster.network.after(10, () => kill(tries - 1))
    }
    kill(50)
  }

  /** F14: all who have the state die at once, and an operator resets, while some users stand still and believe. */
  #loseState(dice: Random): void {
    const { network, view } = this.#cluster
    const { primary, backup } = this.#pair
    if (this.#shape.careful || primary === undefined || view === null) return
    this.#tell(() => 'all who have the state die')
    for (const user of this.#living.filter(user => !user.frozen && dice.chance(0.5))) {
      user.freeze()
      this.#doubt(user, 300 + dice.next() * 4_000, `thaw ${user.name}`, thaw(user))
    }
    for (const server of [primary, backup]) this.#killServer(server, dice)
    for (let tries = 1; tries <= resetTries; tries++)
      network.after(tries * 100, () => {
        if (!this.#over && this.#viewNumber === view.number) this.reset()
      })
  }

  // ---- ambushes

  #lay(dice: Random): void {
    const act = dice.pick([
      'kill sender',
      'kill receiver',
      'cut',
      'sever',
      'stall',
      'lose and kill sender',
      'lose and kill sender',
      'freeze receiver',
    ] as const)
    const ambush = { kind: dice.pick(this.#shape.moments), skip: dice.below(3), act, dice }
    this.#ambushes = [...this.#ambushes.slice(1 - ambushesMax), ambush]
  }

  #onFrame(from: Party, to: Party, messages: readonly Message[], wire: Wire): 'pass' | 'cut' {
    this.#referee.sent(from, to, messages, wire)
    if (this.#over) return 'pass'
    const resume = messages.find(([kind]) => kind === 'resume')
    if (resume !== undefined && from === this.#resumesLate?.user) this.#delayResume(wire, resume)
    this.#trap?.(from, to, messages, wire)
    for (const ambush of this.#ambushes) {
      if (!messages.some(([kind]) => kind === ambush.kind) || ambush.skip-- > 0) continue
      this.#ambushes = this.#ambushes.filter(other => other !== ambush)
      return this.#spring(ambush, from, to)
    }
    const { cutPart } = this.#shape
    return cutPart > 0 && this.#frameDice.chance(cutPart) ? 'cut' : 'pass'
  }

  #spring({ kind, act, dice }: Ambush, from: Party, to: Party): 'pass' | 'cut' {
    this.#tell(() => `at "${kind}" from ${from.name} to ${to.name}: ${act}`)
    const { network } = this.#cluster
    this.#referee.touch(from, this.#now)
    this.#referee.touch(to, this.#now)
    const soon = (run: () => void) => network.after(0, run)
    if (act === 'kill receiver') soon(() => this.#killAny(to, dice))
    else if (act === 'kill sender') soon(() => this.#killAny(from, dice))
    else if (act === 'lose and kill sender') this.#killSoon(from, dice)
    else if (act === 'sever') soon(() => this.#sever([from, to], dice, dice.chance(0.5)))
    else if (act === 'freeze receiver') soon(() => this.#freeze(to as Machine, dice))
    else if (act === 'stall') this.#stall(from, to, dice)
    return act === 'cut' || act === 'lose and kill sender' ? 'cut' : 'pass'
  }

  /** As soon as the rules promise that the state outlives it: just when it seems to be safe. */
  #killSoon(party: Party, dice: Random, tries = 100): void {
    this.#cluster.network.after(0.5, () => {
      if (!party.alive || this.#over) return
      if (party.kind === 'lockserver' && !this.#mayDie(party)) {
        if (tries > 0) this.#killSoon(party, dice, tries - 1)
      } else this.#killAny(party, dice)
    })
  }

  #killAny(party: Party, dice: Random): void {
    if (!party.alive || this.#over) return
    if (party.kind === 'lockserver') this.#killServer(party as LockServerParty, dice)
    else if (party.kind === 'viewserver') this.#killViewServer(dice)
  }

  // ---- whom

  get #living(): ClientParty[] {
    return this.#users.users.filter(user => user.alive)
  }

  /** The primary half of the time. */
  #server(dice: Random): LockServerParty {
    const { primary } = this.#pair
    const living = this.#cluster.servers.filter(server => server.alive)
    if (dice.chance(0.5) && primary !== undefined) return primary
    return living.length > 0 ? dice.pick(living) : dice.pick(this.#cluster.servers)
  }

  #idle(dice: Random): LockServerParty | undefined {
    const { primary, backup } = this.#pair
    const idle = this.#cluster.servers.filter(
      server => server.alive && server !== primary && server !== backup,
    )
    return idle.length > 0 ? dice.pick(idle) : undefined
  }

  /** Two that talk to each other. */
  #two(dice: Random): [Party, Party] {
    const { viewServer, servers } = this.#cluster
    const { primary, backup } = this.#pair
    const server = dice.chance(0.6) && primary !== undefined ? primary : this.#server(dice)
    switch (dice.below(4)) {
      case 0:
        return [server, viewServer]
      case 1:
        return [server, dice.pick(this.#users.users)]
      case 2:
        return [viewServer, dice.pick(this.#users.users)]
      default: {
        const others = servers.filter(other => other.alive && other !== server)
        const other = backup !== undefined && backup !== server && dice.chance(0.7) ? backup : others[0]
        return [server, other ?? viewServer]
      }
    }
  }
}

function thaw(party: Machine): () => void {
  return () => {
    if (party.alive && party.frozen) party.thaw()
  }
}

// Does what the plan says to a story's cluster: the table says which kind of fault is done by whom. Each
// family of faults has a file in faults/. All that the faults break they can mend.

import type { Message } from '../../wire/messages.ts'
import type { Cluster, LockServerParty } from '../fixtures/cluster.ts'
import type { JournalDisk } from '../fixtures/journal-disk.ts'
import type { Party, Wire } from '../fixtures/network.ts'
import { type Random, random } from '../fixtures/random.ts'
import { Ambushes } from './faults/ambushes.ts'
import { breakCopy, corruptCopy } from './faults/corruption.ts'
import { Damage } from './faults/damage.ts'
import { Deaths } from './faults/deaths.ts'
import { Disk } from './faults/disk.ts'
import { DurabilityChanges } from './faults/durability.ts'
import { GroupFaults } from './faults/groups.ts'
import { LateWords } from './faults/late-words.ts'
import { Leavings } from './faults/leavings.ts'
import { Lies } from './faults/lies.ts'
import { LostRecords } from './faults/lost-records.ts'
import { MovedDisks } from './faults/moved-disks.ts'
import { MoveFaults } from './faults/moves.ts'
import { NetworkTrouble } from './faults/network.ts'
import { Power } from './faults/power.ts'
import { Promotions } from './faults/promotions.ts'
import { OperatorResets } from './faults/resets.ts'
import { RotAtEnd } from './faults/rot-at-end.ts'
import { Scene } from './faults/scene.ts'
import { SeatPower } from './faults/seat-power.ts'
import { SeatFaults } from './faults/seats.ts'
import { Standstills } from './faults/standstills.ts'
import { StrandedClients } from './faults/stranded-clients.ts'
import type { Guests } from './guests.ts'
import type { FaultKind, Shape } from './plan.ts'
import { powerKinds, rarePowerKinds, seatPowerKinds } from './powering.ts'
import type { Referee } from './referee.ts'
import type { Strangers } from './strangers.ts'
import type { Trace } from './trace.ts'
import type { Users } from './users.ts'

export class Faults {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  readonly #standstills: Standstills
  readonly #network: NetworkTrouble
  readonly #lateWords: LateWords
  readonly #disk: Disk
  readonly #promotions: Promotions
  readonly #strandedClients: StrandedClients
  readonly #resets: OperatorResets
  readonly #ambushes: Ambushes
  readonly #lies: Lies
  readonly #leavings: Leavings
  readonly #lostRecords: LostRecords
  readonly #power: Power
  readonly #seatPower: SeatPower | null
  readonly #rotAtEnd: RotAtEnd
  readonly #changes: DurabilityChanges
  readonly #movedDisks: MovedDisks
  readonly #groups: GroupFaults
  /** G8 */
  readonly moves: MoveFaults
  readonly #strangers: Strangers
  readonly #guests: Guests
  readonly #frameDice: Random
  /** Null: the view server has a disk for itself. */
  readonly seats: SeatFaults | null
  /** Hears of each fault that is done, and what it befalls, in the words of the trace. */
  onDone: ((kind: FaultKind, text: string) => void) | null = null
  /** The kind that is done just now. */
  #kind: FaultKind | null = null

  constructor(
    cluster: Cluster,
    seed: number,
    shape: Shape,
    users: Users,
    referee: Referee,
    strangers: Strangers,
    guests: Guests,
    trace: Trace,
    diskOf: (name: string) => JournalDisk,
  ) {
    const diskDice = random(seed + 3)
    const scene = new Scene(cluster, shape, users, referee, trace)
    const damage = new Damage(scene)
    const deaths = new Deaths(scene, damage, random(seed + 5).chance(0.3))
    this.#scene = scene
    scene.onDone = text => this.#done(text)
    this.#damage = damage
    this.#deaths = deaths
    this.#standstills = new Standstills(scene, damage)
    this.#network = new NetworkTrouble(scene, damage)
    this.#lateWords = new LateWords(scene, damage, deaths)
    this.#disk = new Disk(scene, damage, deaths, diskDice)
    this.#promotions = new Promotions(scene, damage, deaths, this.#network)
    this.#strandedClients = new StrandedClients(scene, damage, deaths)
    this.#resets = new OperatorResets(scene, damage, deaths)
    this.#ambushes = new Ambushes(scene, damage, deaths, this.#standstills, this.#network, () => this.reset())
    this.#lies = new Lies(scene, damage, deaths)
    this.#leavings = new Leavings(scene, damage, deaths)
    this.#lostRecords = new LostRecords(scene, damage)
    const { seats } = shape
    this.seats =
      seats === null ? null : new SeatFaults(scene, damage, deaths, this.#disk, seats, random(seed + 33))
    this.#groups = new GroupFaults(scene, damage, deaths, this.#resets)
    this.moves = new MoveFaults(scene, damage, deaths)
    this.#power = new Power(scene, damage, deaths, diskOf)
    this.#seatPower = this.seats && new SeatPower(scene, this.#power, this.seats)
    this.#rotAtEnd = new RotAtEnd(scene, damage, this.#power, diskOf, () => this.#disarm())
    this.#movedDisks = new MovedDisks(scene, damage, this.#power, diskOf)
    this.#changes = new DurabilityChanges(scene, damage, deaths)
    this.#ambushes.onPower = dice => this.#power.fail(dice)
    guests.onHostLeaves = host => deaths.leave(host)
    guests.onExpiry = dice => this.#ambushes.awaitExpiry(dice)
    this.#strangers = strangers
    this.#guests = guests
    this.#frameDice = random(seed + 4)
    referee.roughNetwork = shape.cutPart > 0 || (shape.delay.rarePart > 0 && shape.delay.worstMs >= 300)
    referee.onExit = party => deaths.exited(party, diskDice)
    cluster.network.delayMs = () => this.#delayMs()
    cluster.network.onFrame = (from, to, messages, wire) => this.#onFrame(from, to, messages, wire)
    cluster.viewServer.onWrite = () => this.#disk.onWrite()
  }

  /** The first thing that a fault does names it; an ambush is done when it springs. */
  #done(text: string): void {
    const kind = sprung(text) ?? this.#kind
    this.#kind = null
    if (kind !== null) this.onDone?.(kind, text)
  }

  // ---- the table

  readonly #byKind: Readonly<Record<FaultKind, (dice: Random) => void>> = {
    'kill primary': dice => this.#deaths.killServer(this.#scene.pair.primary, dice),
    'kill backup': dice => this.#deaths.killServer(this.#scene.pair.backup, dice),
    'kill idle server': dice => this.#deaths.killServer(this.#scene.idleServer(dice), dice),
    'crash machine': dice => this.#deaths.crash(this.#scene.server(dice), dice),
    'kill view server': dice => this.#deaths.killViewServer(dice),
    'kill client': dice => this.#deaths.killClient(dice),
    leave: dice => this.#deaths.leave(this.#scene.server(dice)),
    'freeze server': dice => this.#standstills.freeze(this.#scene.server(dice), dice),
    'freeze view server': dice => this.#standstills.freeze(this.#scene.cluster.viewServer, dice),
    'freeze client': dice => this.#standstills.freeze(dice.pick(this.#scene.livingUsers), dice),
    'suspend machine': dice => this.#standstills.suspend(dice),
    'set wall clock': dice => this.#standstills.setWallClock(dice),
    cut: dice => this.#network.sever(this.#scene.two(dice), dice, false),
    'half-open': dice => this.#network.sever(this.#scene.two(dice), dice, true),
    stall: dice => this.#network.stall(this.#scene.two(dice), dice),
    block: dice => this.#network.block(this.#scene.two(dice), dice),
    isolate: dice => this.#network.isolate(this.#scene.server(dice), dice),
    'isolate view server': dice => this.#network.isolateViewServer(dice),
    split: dice => this.#network.split(dice),
    'late hello': dice => this.#lateWords.hello(this.#scene.server(dice), dice),
    'late resume': dice => this.#lateWords.resume(dice),
    'slow disk': dice => this.#disk.slowDown(dice),
    'failing disk': dice => this.#disk.fail(dice),
    'kill view server between write and telling': () => this.#disk.killAfterWrite(),
    'corrupt copy': dice => corruptCopy(this.#scene, this.#damage, this.#deaths, dice),
    'silent death': dice => this.#promotions.silentDeath(dice),
    'freeze both': dice => this.#promotions.freezeBoth(dice),
    'strand client': dice => this.#strandedClients.strand(dice),
    'lost state': dice => this.#resets.loseState(dice),
    'operator reset': () => this.#resets.reset(),
    'lone primary': dice => this.#deaths.leaveAlone(dice),
    'slow join': dice => this.#joins(dice),
    ambush: dice => this.#ambushes.lay(dice),
    stranger: dice => this.#strangers.come(dice),
    guest: dice => this.#guests.come(dice),
    'break copy': dice => breakCopy(this.#scene, this.#damage, this.#deaths, dice),
    lie: dice => this.#lies.lay(dice),
    'leave in vain': dice => this.#leavings.inVain(dice),
    'lost record': dice => this.#lostRecords.lose(dice),
    'clients die together': dice => this.#deaths.killClientsTogether(dice),
    'power fails': dice => this.#power.fail(dice),
    'power fails again': dice => this.#power.again(dice),
    'power fails but for one': dice => this.#power.butForOne(dice),
    'power fails at a message': dice => this.#ambushes.layPower(dice),
    'power fails at a write': dice => this.#power.atWrite(dice),
    'copy gone': dice => this.#power.copyGone(dice),
    rot: dice => this.#power.rot(dice),
    'view server stays away': dice => this.#power.viewServerStaysAway(dice),
    'machine loses its power': dice => this.#power.machine(dice),
    'slow sync': dice => this.#power.slowSync(dice),
    'failing sync': dice => this.#power.failingSync(dice),
    'full disk': dice => this.#power.full(dice),
    'power fails, and the store is away': dice => this.#seatPower?.storeAway(dice),
    'power fails, and a takeover': dice => this.#seatPower?.takeover(dice),
    'power fails but for a view server': dice => this.#seatPower?.butForOne(dice),
    'one view server stays away': dice => this.#power.oneViewServerStaysAway(dice),
    'rot at the end': dice => this.#rotAtEnd.come(dice),
    'disks change places': dice => this.#movedDisks.exchange(dice),
    'old image': dice => this.#movedDisks.oldImage(dice),
    'change durability': dice => this.#changes.ask(dice),
    'change durability and kill': dice => this.#changes.askAndKill(dice),
    'kill all primaries': dice => this.#groups.killAll('primary', dice),
    'kill all backups': dice => this.#groups.killAll('backup', dice),
    'strand from a group': dice => this.#groups.strand(dice),
    'strand with a copy': dice => this.#groups.strandWithCopy(dice),
    'lose a group': dice => this.#groups.lose(dice),
    'other groups': dice => this.moves.ask(dice),
    'other groups, twice': dice => this.moves.askTwice(dice),
    'ambush in a move': dice => this.#ambushes.layMove(dice),
    'kill who gives a slot': dice => this.moves.kill('from', dice),
    'kill who gets a slot': dice => this.moves.kill('to', dice),
    'power fails in a move': dice => this.#ambushes.layMove(dice, 'power'),
  }

  /** R3: a server joins over a slow network. */
  #joins(dice: Random): void {
    this.#network.slowServers(dice)
    this.#deaths.killServer(this.#scene.pair.backup, dice)
  }

  perform(kind: FaultKind, salt: number): void {
    if (this.#damage.over) return
    this.#damage.injected++
    if (kind !== 'isolate view server') this.#damage.quietSince = this.#scene.now
    this.#kind = kind
    // These say nothing of their own in the trace.
    if (kind === 'stranger' || kind === 'operator reset') this.#done('')
    const { cluster } = this.#scene
    if (isOfPower(kind) && !this.#power.mayFail) return
    const group = cluster.groups === 1 ? 0 : random(salt + 1).below(cluster.groups)
    cluster.within(group, () => this.#byKind[kind](random(salt)))
    this.#kind = null
  }

  /** How many have been injected. */
  get done(): number {
    return this.#damage.injected
  }

  // ---- each frame

  #delayMs(): number {
    const { typicalMs, rarePart, worstMs } = this.#scene.shape.delay
    const dice = this.#frameDice
    return rarePart > 0 && dice.chance(rarePart) ? dice.next() * worstMs : typicalMs * (0.2 + dice.next())
  }

  #onFrame(from: Party, to: Party, messages: readonly Message[], wire: Wire): 'pass' | 'cut' {
    const { referee, shape } = this.#scene
    referee.sent(from, to, messages, wire)
    if (this.#damage.over) return 'pass'
    this.#lateWords.onFrame(from, to, messages, wire)
    this.#standstills.onFrame(from, messages)
    const ambushed = this.#ambushes.onFrame(from, to, messages)
    if (ambushed !== null) return ambushed
    return shape.cutPart > 0 && this.#frameDice.chance(shape.cutPart) ? 'cut' : 'pass'
  }

  // ---- the end

  /** Nothing breaks any more, and all that is broken is mended. */
  heal(): void {
    this.#damage.end()
    this.#disarm()
    this.#deaths.leaveOneDead()
    this.#damage.mendAll()
    this.#deaths.restartAll()
  }

  /** Nothing lies in wait any more. */
  #disarm(): void {
    this.#ambushes.heal()
    this.#lateWords.heal()
    this.#lies.heal()
    this.#disk.heal()
    this.seats?.heal()
    if (this.#scene.shape.disk !== null) this.#power.heal()
  }

  /** Whether this server is to be there when all is mended. */
  isWanted(server: LockServerParty): boolean {
    return this.#deaths.isWanted(server)
  }

  /** F14: what an operator does when the service says that the state is lost. */
  reset(): void {
    this.#resets.reset()
  }
}

const powerNames: ReadonlySet<string> = new Set([...powerKinds, ...seatPowerKinds, ...rarePowerKinds])

function isOfPower(kind: FaultKind): boolean {
  return powerNames.has(kind)
}

/** What is done by a fault that was laid before, or that found nothing to do but this. */
function sprung(text: string): FaultKind | null {
  if (text.startsWith('at "')) return text.endsWith(': power') ? 'power fails at a message' : 'ambush'
  if (text.startsWith('at a write')) return 'power fails at a write'
  return text.startsWith('the power fails') && !/gone|rot|stays away|again/.test(text) ? 'power fails' : null
}

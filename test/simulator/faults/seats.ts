// What befalls view servers that share a store, and the store itself (E1 to E5): the active one dies or freezes at
// each step of a save, alone or together with the primary; standbys die; they lose sight of each other; the store
// is slow, away, silent, or put back to an older record. Lock servers and clients have their own faults.

import type { LockServerParty, ViewServerParty } from '../../fixtures/cluster.ts'
import { type Random, random } from '../../fixtures/random.ts'
import type { Fate, SharedStore } from '../../fixtures/shared-store.ts'
import type { SeatKind, SeatShape } from '../seating.ts'
import { type Damage, thaw } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Disk } from './disk.ts'
import type { Scene } from './scene.ts'
import { StoreTrouble } from './store-trouble.ts'

const never = Number.POSITIVE_INFINITY

export class SeatFaults {
  readonly trouble: StoreTrouble
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  readonly #store: SharedStore
  readonly #shape: SeatShape
  /** A standby is asked for the status; story.ts says what it should answer. */
  onAsk: ((dice: Random) => void) | null = null

  constructor(scene: Scene, damage: Damage, deaths: Deaths, disk: Disk, shape: SeatShape, dice: Random) {
    const { store, network } = scene.cluster
    if (store === null) throw new Error('there is no store')
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
    this.#store = store
    this.#shape = shape
    this.trouble = new StoreTrouble(shape, dice, () => network.time)
    this.trouble.onSave = () => this.#fateOf(disk)
    store.fateOf = (by, asked) => this.trouble.fateOf(by, asked)
    store.watchMs = of => this.trouble.watchMs(of)
    store.lateMs = () => (this.#damage.over ? 0 : dice.next() * shape.lateMs)
  }

  /** What the disk below says of a write. In etcd its failures are answers that do not come. */
  #fateOf(disk: Disk): Fate {
    const { saveMs, tellMs, fails } = disk.onWrite()
    const landsMs = fails === 'lost' ? null : saveMs
    if (fails === 'no') return { landsMs, tellsMs: saveMs + tellMs, heard: 'answer' }
    if (this.#store.kind === 'folder') return { landsMs, tellsMs: saveMs, heard: 'broken' }
    return { landsMs, tellsMs: this.#shape.timeoutMs, heard: 'nothing' }
  }

  // ---- the table

  readonly #byKind: Readonly<Record<SeatKind, (dice: Random) => void>> = {
    'slow store': dice => this.#troubled('slow', this.#oneOrAll(dice), dice),
    'store away': dice => this.storeAway(dice),
    'cut off from the store': dice => this.#troubled('away', this.#one(dice), dice),
    'silent store': dice => this.#troubled('silent', this.#oneOrAll(dice), dice),
    'lost watches': dice => this.#troubled('deaf', this.#oneOrAll(dice), dice),
    'late save': dice => this.#lateSave(dice),
    'unknown save': dice => this.#unknown(['save'], dice),
    'unknown mark': dice => this.#unknown(['take mark', 'confirm mark', 'give up mark'], dice),
    'mark ends early': () => this.#endMark(),
    'store put back': dice => this.#putBack(dice),
    'kill at a save': dice => this.killAtSave(dice),
    'freeze at a save': dice => this.freezeAtSave(dice),
    'kill active and primary': dice => this.#killBoth(dice),
    'two decide': dice => this.#twoDecide(dice),
    'freeze active': dice => this.#freeze(this.#active, dice),
    'lose active': dice => this.#lose(this.#active, dice),
    'kill standby': dice => this.#kill(this.#standby(dice), dice),
    'freeze standby': dice => this.#freeze(this.#standby(dice), dice),
    'part view servers': dice => this.#part(dice),
    'refused view servers': dice => this.#refuse(dice),
    'kill all view servers': dice => this.#killAll(dice),
    'ask a standby': dice => this.onAsk?.(dice),
  }

  perform(kind: SeatKind, salt: number): void {
    if (this.#damage.over) return
    this.#damage.injected++
    this.#damage.quietSince = this.#scene.now
    this.#byKind[kind](random(salt))
  }

  heal(): void {
    this.trouble.heal()
    this.#store.putRight()
  }

  // ---- the store

  storeAway(dice: Random): void {
    this.#troubled('away', null, dice)
  }

  #troubled(is: 'slow' | 'away' | 'silent' | 'deaf', of: ViewServerParty | null, dice: Random): void {
    const text = `the store is ${is} for ${of?.name ?? 'all'}`
    this.#tell(text)
    const ms = this.#scene.duration(dice) * 0.7
    this.#damage.mendLater(ms, `not any more: ${text}`, this.trouble.begin(is, of?.name ?? null))
    this.#touch(ms)
  }

  /** E2: it is written when its writer has long read that it was not. */
  #lateSave(dice: Random): void {
    this.#tell('the next save is done late')
    const { timeoutMs } = this.#shape
    this.trouble.await(['save'], 1, () => ({
      landsMs: timeoutMs + 2 + dice.next() * dice.pick([5, 60, 600]),
      tellsMs: timeoutMs,
      heard: 'nothing',
    }))
  }

  #unknown(asked: readonly ('save' | 'take mark' | 'confirm mark' | 'give up mark')[], dice: Random): void {
    const times = 1 + dice.below(3)
    this.#tell(`of the next ${times} "${asked.join('", "')}" no answer comes`)
    this.trouble.await(asked, times, fate => ({
      landsMs: dice.chance(0.5) ? fate.landsMs : null,
      tellsMs: this.#shape.timeoutMs,
      heard: 'nothing',
    }))
  }

  /** E3: etcd may end a lease whatever its owner believes. */
  #endMark(): void {
    if (this.#store.kind === 'folder' || this.#store.standing === null) return
    this.#tell('the mark ends')
    this.#store.endMark()
    this.#touch(0)
  }

  /** F19: all who run know what it held, so that none of them goes on with less. */
  #putBack(dice: Random): void {
    const { records, newest, isPutBack, saving } = this.#store
    const know = (party: ViewServerParty) => party.alive && party.core.record?.record === newest?.record
    if (isPutBack || saving || newest === null || !this.#scene.cluster.viewServers.every(know)) return
    const before = dice.chance(0.3) ? null : (records.at(-2 - dice.below(3)) ?? null)
    this.#tell(`the store is put back to ${before === null ? 'nothing' : `record ${before.record}`}`)
    this.#store.putBack(before)
    const ms = 300 + dice.next() * 1_500
    this.#touch(ms)
    this.#damage.mendLater(ms, 'the store is put right', () => this.#store.putRight())
  }

  // ---- view servers

  killAtSave(dice: Random): void {
    this.#atSave(dice, active => this.#kill(active, dice))
  }

  freezeAtSave(dice: Random): void {
    this.#atSave(dice, active => this.#freeze(active, dice))
  }

  /** Before the store has it, before its writer hears so, or while its outcome is not known. */
  #atSave(dice: Random, act: (active: ViewServerParty) => void): void {
    const when = dice.pick(['before', 'after', 'unknown'] as const)
    this.#tell(`something befalls the active view server at its next save: ${when}`)
    this.trouble.await(['save'], 1, (fate, by) => {
      const unknown = when === 'unknown'
      const landsMs = unknown
        ? dice.chance(0.5)
          ? fate.landsMs
          : null
        : when === 'before'
          ? null
          : fate.landsMs
      const tellsMs = unknown ? this.#shape.timeoutMs : fate.tellsMs + 0.5
      this.#scene.cluster.network.after(unknown ? tellsMs + dice.next() * 5 : tellsMs - 0.25, () => {
        const party = this.#scene.cluster.viewServers.find(each => each === by)
        if (party !== undefined && !this.#damage.over) act(party)
      })
      return { landsMs, tellsMs, heard: unknown || landsMs === null ? 'nothing' : 'answer' }
    })
  }

  #kill(party: ViewServerParty | undefined, dice: Random): void {
    if (party === undefined || !party.alive) return
    this.#tell(`kill ${party.name}${party === this.#active ? ', which is active' : ''}`)
    this.#deaths.viewServerDies(dice, party)
  }

  /** F17 */
  #killBoth(dice: Random): void {
    const active = this.#active
    const { primary } = this.#scene.pair
    if (active === undefined || primary === undefined || !this.#deaths.mayDie(primary)) return
    this.#tell(`kill ${active.name} and ${primary.name} together`)
    this.#deaths.die(primary)
    this.#deaths.restartLater(primary, 300 + this.#scene.duration(dice))
    this.#deaths.viewServerDies(dice, active)
  }

  /** E2: the mark ends while its owner stands still; it wakes up with a view to make that another has made. */
  #twoDecide(dice: Random): void {
    const active = this.#active
    const { backup } = this.#scene.pair
    if (active === undefined || active.frozen || backup === undefined || this.#store.kind === 'folder') return
    this.#tell(`the mark of ${active.name} ends, which is frozen and hears nothing of it`)
    const ms = this.#shape.lifetimeMs
    this.#damage.mendLater(ms, `${active.name} hears again`, this.trouble.begin('deaf', active.name))
    this.#store.endMark()
    this.#touch(ms)
    active.freeze()
    this.#damage.doubt(active, 150 + dice.next() * 200, `thaw ${active.name}`, thaw(active))
    this.#scene.cluster.network.after(dice.next() * 120, () => {
      if (!this.#damage.over) this.#deaths.killServer(backup, dice)
    })
  }

  #killAll(dice: Random): void {
    for (const party of this.#scene.cluster.viewServers) this.#kill(party, dice)
  }

  /** For as long as a mark stands, and longer: it comes back and believes that it is active. */
  #freeze(party: ViewServerParty | undefined, dice: Random): void {
    if (party === undefined || !party.alive || party.frozen) return
    this.#tell(`freeze ${party.name}${party === this.#active ? ', which is active' : ''}`)
    party.freeze()
    const ms = this.#shape.lifetimeMs * dice.pick([0.2, 0.9, 1.4]) * (0.5 + dice.next())
    this.#touch(ms)
    this.#damage.doubt(party, ms, `thaw ${party.name}`, thaw(party))
  }

  /** With its machine: its peers are told nothing, and its address refuses nothing. */
  #lose(party: ViewServerParty | undefined, dice: Random): void {
    if (party === undefined || !party.alive) return
    const { network } = this.#scene.cluster
    this.#tell(`the machine of ${party.name} is lost`)
    const others = network.parties.filter(other => other !== party)
    for (const other of others) {
      network.sever(party, other, { arrives: [0, dice.next()], noticeMs: [never, never] })
      network.cutOff(party, other)
    }
    this.#scene.referee.viewServerDied()
    party.kill()
    const ms = this.#shape.lifetimeMs * (0.5 + dice.next())
    this.#touch(ms)
    this.#damage.mendLater(ms, `restart ${party.name}`, () => {
      for (const other of others) network.heal(party, other)
      this.#deaths.restartViewServer(party)
    })
  }

  /** Two of them, or one and the lock servers: both know the store. */
  #part(dice: Random): void {
    const { network, servers } = this.#scene.cluster
    const [one, other] = this.#two(dice)
    if (one === undefined) return
    const away: readonly (ViewServerParty | LockServerParty)[] =
      other === undefined || dice.chance(0.5) ? servers.filter(() => dice.chance(0.7)) : [other]
    this.#tell(`part ${one.name} from ${away.map(({ name }) => name).join(' ')}`)
    for (const party of away) network.cutOff(one, party)
    const ms = this.#scene.duration(dice)
    this.#touch(ms)
    this.#damage.mendLater(ms, `heal ${one.name}`, () => {
      for (const party of away) network.heal(one, party)
    })
  }

  /** E3: a firewall refuses, whoever listens there. */
  #refuse(dice: Random): void {
    const { network } = this.#scene.cluster
    const [one, other] = this.#two(dice)
    if (one === undefined || other === undefined) return
    this.#tell(`${one.name} is refused at ${other.name}`)
    network.reject(one, other, true)
    if (dice.chance(0.5)) network.cut(one, other)
    const ms = this.#scene.duration(dice)
    this.#touch(ms)
    this.#damage.mendLater(ms, `${one.name} is let in at ${other.name}`, () =>
      network.reject(one, other, false),
    )
  }

  // ---- whom

  get #active(): ViewServerParty | undefined {
    const { viewServer } = this.#scene.cluster
    return viewServer.alive ? viewServer : undefined
  }

  #standby(dice: Random): ViewServerParty | undefined {
    const { viewServers, viewServer } = this.#scene.cluster
    const others = viewServers.filter(party => party !== viewServer && party.alive)
    return others.length === 0 ? undefined : dice.pick(others)
  }

  #two(dice: Random): readonly (ViewServerParty | undefined)[] {
    const active = this.#active
    const standby = this.#standby(dice)
    return dice.chance(0.5) ? [active, standby] : [standby, active]
  }

  #one(dice: Random): ViewServerParty {
    const { viewServer, viewServers } = this.#scene.cluster
    return dice.chance(0.6) ? viewServer : dice.pick(viewServers)
  }

  #oneOrAll(dice: Random): ViewServerParty | null {
    return dice.chance(0.5) ? this.#one(dice) : null
  }

  /** It may take so long, and a lifetime more, until one is active. */
  #touch(ms: number): void {
    const { cluster, referee, now } = this.#scene
    referee.touch(cluster.viewServer, now + ms + 2 * this.#shape.lifetimeMs)
  }

  #tell(text: string): void {
    this.#scene.tell(() => text)
  }
}

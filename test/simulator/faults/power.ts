// Loss of power: machines go out all at once, with any part of what their disks had not synced, and come back in any
// order, after any delay, or never. Disks are slow, full, fail, rot, or are gone. In careful stories one of the two
// copies outlives all of that (F15, F16), so that the loss of the state is never the faults' doing.

import type { LockServerParty, ViewServerParty } from '../../fixtures/cluster.ts'
import type { JournalDisk } from '../../fixtures/journal-disk.ts'
import type { Random } from '../../fixtures/random.ts'
import { type Keep, keepAll, keepNone, keepSome } from '../../fixtures/simulated-disk.ts'
import { type Damage, thaw } from './damage.ts'
import type { Deaths } from './deaths.ts'
import type { Scene } from './scene.ts'

const sectorBytes = 512
const never = Number.POSITIVE_INFINITY
const keeps: readonly Keep[] = [keepAll, keepNone, keepSome, keepSome, keepSome]

export class Power {
  readonly #scene: Scene
  readonly #damage: Damage
  readonly #deaths: Deaths
  readonly #diskOf: (name: string) => JournalDisk

  constructor(scene: Scene, damage: Damage, deaths: Deaths, diskOf: (name: string) => JournalDisk) {
    this.#scene = scene
    this.#damage = damage
    this.#deaths = deaths
    this.#diskOf = diskOf
  }

  // ---- the power of all

  /** D11: in careful stories it fails only while all of the state is on disks, and stays there. */
  get mayFail(): boolean {
    const { shape, onDisk, changes } = this.#scene
    return !shape.careful || (onDisk && !changes)
  }

  fail(dice: Random, spared: LockServerParty | ViewServerParty | null = null): void {
    const { cluster } = this.#scene
    if (!this.mayFail) return
    this.#scene.tell(() => `the power fails in ${cluster.viewText}`)
    this.allOut(dice, spared)
    this.#allBack(dice, this.#scene.duration(dice))
  }

  again(dice: Random): void {
    this.#scene.tell(() => 'the power fails again and again')
    this.fail(dice)
    this.#scene.cluster.network.after(50 + dice.next() * 3_000, () => {
      if (!this.#damage.over) this.fail(dice)
    })
  }

  /** V3, D4: what it says and does once it wakes up comes from before. */
  butForOne(dice: Random): void {
    const { pair } = this.#scene
    const one = dice.chance(0.5) ? pair.primary : pair.backup
    if (one === undefined || one.frozen) return this.fail(dice)
    this.#scene.tell(() => `freeze ${one.name}, which keeps its power`)
    one.freeze()
    // Long enough to be found dead, and for the patience to be over; or not.
    const longMs = dice.chance(0.6) ? 1_000 + (this.#scene.shape.disk?.patienceMs ?? 0) : 0
    this.#damage.doubt(one, longMs + this.#scene.duration(dice) * 2, `thaw ${one.name}`, thaw(one))
    this.fail(dice, one)
  }

  /** The next time that a disk has begun a block that may be torn; or after a while, whatever they do. */
  atWrite(dice: Random): void {
    const { cluster } = this.#scene
    const disks = cluster.servers.map(({ name }) => this.#diskOf(name))
    let skip = dice.below(3)
    const failNow = () => {
      if (disks.every(disk => disk.onWrite !== begun)) return
      for (const disk of disks) disk.onWrite = null
      if (this.#damage.over) return
      this.#scene.tell(() => 'at a write of a disk')
      this.fail(dice)
    }
    const begun = (bytes: number) => {
      if (bytes > sectorBytes && skip-- <= 0) cluster.network.after(0, failNow)
    }
    for (const disk of disks) disk.onWrite = begun
    cluster.network.after(500, failNow)
  }

  viewServerStaysAway(dice: Random): void {
    const { cluster } = this.#scene
    this.#scene.tell(() => `the power fails in ${cluster.viewText}; VS stays away`)
    this.allOut(dice)
    for (const { name } of cluster.servers) this.#backLater(name, dice.next() * 200, dice)
    for (const { name } of cluster.viewServers) this.#backLater(name, 500 + this.#scene.duration(dice), dice)
  }

  /** E3: another one has to recover what was lost. */
  oneViewServerStaysAway(dice: Random): void {
    const { cluster } = this.#scene
    const { viewServer, viewServers, servers } = cluster
    const away = dice.chance(0.7) ? viewServer : dice.pick(viewServers)
    this.#scene.tell(() => `the power fails in ${cluster.viewText}; ${away.name} alone stays away`)
    this.allOut(dice)
    for (const { name } of [...servers, ...viewServers])
      this.#backLater(name, (name === away.name ? 3_000 : 0) + dice.next() * 200, dice)
  }

  /** F15: with the power one of the two copies goes; its machine comes back with another disk, and late. */
  copyGone(dice: Random): void {
    const name = this.#burnt(dice)
    if (name === null) return this.fail(dice)
    this.#scene.tell(
      () => `the power fails in ${this.#scene.cluster.viewText}, and the disk of ${name} is gone`,
    )
    this.allOut(dice)
    this.#scene.referee.leftCopies.burns(name)
    this.#diskOf(name).wipe()
    this.#allBack(dice, this.#scene.duration(dice), name)
  }

  /** F16: a flipped bit somewhere in a copy; one that passes for a torn end comes by rot-at-end.ts. */
  rot(dice: Random): void {
    const name = this.#burnt(dice)
    if (name === null) return this.fail(dice)
    this.#scene.tell(() => `the power fails in ${this.#scene.cluster.viewText}, and there is rot in ${name}`)
    this.allOut(dice)
    if (this.#flips(this.#diskOf(name), dice)) this.#scene.referee.leftCopies.burns(name)
    this.#allBack(dice, this.#scene.duration(dice))
  }

  allOut(dice: Random, spared: LockServerParty | ViewServerParty | null = null): void {
    const { servers, viewServers } = this.#scene.cluster
    const silent = dice.chance(0.5)
    for (const server of [...servers]) if (server !== spared) this.#goesOut(server, dice, silent)
    for (const viewServer of viewServers)
      if (viewServer !== spared) this.#viewServerGoesOut(viewServer, dice, silent)
  }

  /** A machine whose disk may go. */
  #burnt(dice: Random): string | null {
    const { cluster, referee, shape } = this.#scene
    const { leftCopies } = referee
    const may = (name: string) => !shape.careful || leftCopies.mayBurn(name)
    const names = [...leftCopies.machines].filter(may)
    // It may have another group's copy.
    const others = cluster.servers.map(({ name }) => name).filter(name => !leftCopies.machines.has(name))
    const idle = others.filter(may)
    if (leftCopies.settled && idle.length > 0 && dice.chance(0.1)) return dice.pick(idle)
    return names.length === 0 ? null : dice.pick(names)
  }

  /** Returns whether the journal can't be read any more. */
  #flips(owner: JournalDisk, dice: Random): boolean {
    const { files } = owner.disk
    const before = owner.read().reading
    if (files.length === 0 || before.is !== 'whole') return false
    const snapshots = files.filter(path => path.includes('snapshot'))
    for (let tries = dice.pick([1, 3, 20]); tries > 0; tries--) {
      const path = snapshots.length > 1 && dice.chance(0.5) ? dice.pick(snapshots) : dice.pick(files)
      const at = writtenByte(owner.disk.file(path).bytes, dice)
      if (at === null) continue
      owner.disk.flip(path, at)
      const { reading } = owner.read()
      if (reading.is === 'spoilt') {
        owner.isSpoilt = true
        return true
      }
      const same = reading.is === 'whole' && reading.state.opNumber === before.state.opNumber
      if (same && JSON.stringify(reading.imprint) === JSON.stringify(before.imprint)) continue
      owner.disk.flip(path, at)
    }
    return false
  }

  // ---- one machine

  machine(dice: Random): void {
    const server = this.#scene.server(dice)
    if (!server.alive || !this.#deaths.mayDie(server)) return
    const { cluster } = this.#scene
    this.#scene.tell(() => `${server.name} (${server.core.role}) loses its power in ${cluster.viewText}`)
    this.#goesOut(server, dice, dice.chance(0.5))
    this.#backLater(server.name, this.#scene.duration(dice), dice)
  }

  slowSync(dice: Random): void {
    const { name } = this.#scene.server(dice)
    const disk = this.#diskOf(name)
    const ms = this.#scene.duration(dice)
    disk.slowerMs = dice.pick([20, 100, 600])
    this.#scene.tell(() => `each act of the disk of ${name} takes up to ${disk.slowerMs} ms longer`)
    this.#scene.referee.diskTrouble(name, this.#scene.now + ms + disk.slowerMs * 4)
    this.#damage.mendLater(ms, `the disk of ${name} is well again`, () => {
      disk.slowerMs = 0
    })
  }

  /** D8 */
  failingSync(dice: Random): void {
    const server = this.#scene.server(dice)
    if (!server.alive || !this.#deaths.mayDie(server)) return
    this.#scene.tell(() => `the disk of ${server.name} (${server.core.role}) fails`)
    this.#diskOf(server.name).failing = dice.chance(0.3) ? 'write' : 'sync'
  }

  /** D8: there is little room for a while, and then none. */
  full(dice: Random): void {
    const { backup } = this.#scene.pair
    const { name } = backup !== undefined && dice.chance(0.5) ? backup : this.#scene.server(dice)
    const { cluster, referee, now } = this.#scene
    const disk = this.#diskOf(name)
    if (disk.room !== 'enough') return
    const ms = 200 + this.#scene.duration(dice)
    disk.room = 'low'
    this.#scene.tell(() => `the disk of ${name} is nearly full`)
    referee.diskTrouble(name, now + ms)
    const stays = dice.chance(0.4)
    cluster.network.after(dice.next() * ms, () => {
      if (stays || this.#damage.over || disk.room !== 'low' || !this.mayFail) return
      this.#scene.trace.tell(() => `the disk of ${name} is full`)
      disk.room = 'none'
    })
    this.#damage.mendLater(ms, `the disk of ${name} has room again`, () => this.#roomAgain(name))
  }

  #roomAgain(name: string): void {
    this.#diskOf(name).room = 'enough'
    this.#deaths.restart(name)
  }

  // ---- going out and coming back

  #goesOut(server: LockServerParty, dice: Random, silent: boolean): void {
    const { referee, off } = this.#scene
    const { name } = server
    const disk = this.#diskOf(name)
    off.add(name)
    if (server.alive) {
      this.#cutOff(server, dice, silent)
      this.#deaths.die(server)
    }
    referee.touch(server, this.#scene.now)
    disk.losePower(dice.pick(keeps))
  }

  #viewServerGoesOut(viewServer: ViewServerParty, dice: Random, silent: boolean): void {
    const { referee, off, now } = this.#scene
    off.add(viewServer.name)
    referee.touch(viewServer, now)
    if (!viewServer.alive) return
    this.#cutOff(viewServer, dice, silent)
    referee.viewServerDied()
    viewServer.kill()
  }

  /** Any part of what is on its way arrives. Where machines are silent, dials are neither accepted nor refused. */
  #cutOff(party: LockServerParty | ViewServerParty, dice: Random, silent: boolean): void {
    const { network } = this.#scene.cluster
    for (const other of [...network.parties]) {
      if (other === party) continue
      const noticeMs = silent ? never : 0
      network.sever(party, other, { arrives: [dice.next(), dice.next()], noticeMs: [noticeMs, noticeMs] })
      if (silent) network.cutOff(party, other)
    }
  }

  /** In any order. */
  #allBack(dice: Random, withinMs: number, last: string | null = null): void {
    const { servers, viewServers } = this.#scene.cluster
    for (const { name } of [...servers, ...viewServers])
      this.#backLater(name, (name === last ? 1_000 : 0) + 20 + dice.next() * withinMs, dice)
  }

  /** All of them long before the patience of any view server is over. */
  allBackAtOnce(dice: Random): void {
    const { servers, viewServers } = this.#scene.cluster
    for (const { name } of [...servers, ...viewServers])
      this.#backLater(name, 20 + dice.next() * 150, dice, 0)
  }

  /** First the machine, whose address refuses from then on, and then its process. */
  #backLater(name: string, ms: number, dice: Random, longestMs = 500): void {
    const { referee, now, off } = this.#scene
    if (!off.has(name)) return
    const startMs = dice.chance(0.5) ? 0 : dice.next() * longestMs
    const party = this.#partyOf(name)
    referee.touch(party, now + ms + startMs)
    this.#damage.mendLater(ms, `power for ${name}`, () => {
      off.delete(name)
      this.#heals(name)
      if (startMs === 0 || this.#damage.over) return this.#start(name)
      this.#scene.cluster.network.after(startMs, () => this.#start(name))
    })
  }

  /** Towards all machines that have their power. */
  #heals(name: string): void {
    const { cluster, off } = this.#scene
    const { network, servers, viewServers } = cluster
    const party = this.#partyOf(name)
    for (const other of new Set([...servers, ...viewServers, ...network.parties]))
      if (other !== party && !off.has(other.name)) network.heal(party, other)
  }

  #start(name: string): void {
    const viewServer = this.#viewServerOf(name)
    if (viewServer === undefined) this.#deaths.restart(name)
    else this.#deaths.restartViewServer(viewServer)
  }

  #partyOf(name: string): LockServerParty | ViewServerParty {
    return this.#viewServerOf(name) ?? this.#scene.cluster.server(name)
  }

  #viewServerOf(name: string): ViewServerParty | undefined {
    return this.#scene.cluster.viewServers.find(party => party.name === name)
  }

  // ---- the end

  heal(): void {
    for (const { name } of this.#scene.cluster.servers) {
      const disk = this.#diskOf(name)
      disk.failing = null
      disk.slowerMs = 0
      disk.room = 'enough'
    }
  }
}

/** One that is not zero, if there is one near a place that is drawn. */
function writtenByte(bytes: Uint8Array, dice: Random): number | null {
  if (bytes.length === 0) return null
  const from = dice.below(bytes.length)
  const at = bytes.findIndex((byte, i) => i >= from && byte !== 0)
  return at < 0 ? null : at
}

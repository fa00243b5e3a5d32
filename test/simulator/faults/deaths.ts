// Deaths: servers, the view server and clients are killed, stopped, told to leave or lose their machine,
// and what died starts again. In careful stories no server dies that alone has the state (F1), so that
// its loss is never the faults' doing.

import type { ClientParty, LockServerParty, ViewServerParty } from '../../fixtures/cluster.ts'
import type { Party } from '../../fixtures/network.ts'
import type { Random } from '../../fixtures/random.ts'
import type { Damage } from './damage.ts'
import type { Scene } from './scene.ts'

const never = Number.POSITIVE_INFINITY

export class Deaths {
  readonly #scene: Scene
  readonly #damage: Damage
  /** When all is mended, one that is dead stays so in some stories: the others must do without it (F2). */
  readonly #leavesOneDead: boolean
  #staysDead: string | null = null

  constructor(scene: Scene, damage: Damage, leavesOneDead: boolean) {
    this.#scene = scene
    this.#damage = damage
    this.#leavesOneDead = leavesOneDead
  }

  /** Whether the state outlives this server, as far as the rules promise it (F1). */
  mayDie(server: Party): boolean {
    const { cluster } = this.#scene
    if (server.kind !== 'lockserver') return this.#mayDieHere(server)
    return cluster.withinOf(server as LockServerParty, () => this.#mayDieHere(server))
  }

  /** In the group that is looked at. */
  #mayDieHere(server: Party): boolean {
    const { shape, cluster, pair, referee, now, changes } = this.#scene
    if (!shape.careful) return true
    if (changes) return server.kind !== 'lockserver'
    // In a durable cluster it is on their disks.
    if (referee.leftCopies.onDisk) return true
    const { viewServer, view } = cluster
    const { primary, backup } = pair
    const { doubted } = this.#damage
    if (server !== primary && server !== backup) return !viewServer.saving || server.kind !== 'lockserver'
    if (primary === undefined || viewServer.saving) return false
    // V3: a primary that is only frozen is not found dead yet, so that no other is promoted.
    if (server === backup) return now - (doubted.get(primary) ?? now) < 300
    // What it said of an unreachable backup may be on its way still, and would cost the view its backup.
    if (doubted.has(primary) && !primary.frozen) return false
    if (backup === undefined || backup.frozen || doubted.has(backup) || backup.core.leaving) return false
    return viewServer.acked || referee.backupKnows(view)
  }

  // ---- lock servers

  killServer(server: LockServerParty | undefined, dice: Random): void {
    if (server === undefined || !server.alive || !this.mayDie(server)) return
    const { cluster } = this.#scene
    this.#scene.tell(() => `kill ${server.name} (${server.core.role}) in ${cluster.viewText}`)
    if (dice.chance(0.1)) return this.#stop(server, dice)
    this.#losing(server, dice)
    this.die(server)
    if (dice.chance(0.2)) this.restart(server.name)
    else this.restartLater(server, this.#scene.duration(dice))
  }

  /** Its copy is wrong, and it is about to serve with it: no rule covers that. */
  killSpoilt(server: LockServerParty): void {
    if (!server.alive) return
    this.#scene.tell(() => `kill ${server.name}, whose copy is wrong`)
    this.die(server)
    this.restartLater(server, 100)
  }

  /** In order, but at once: nothing is handed over. */
  #stop(server: LockServerParty, dice: Random): void {
    const { referee, now } = this.#scene
    this.#scene.tell(() => `which its operator does`)
    referee.touch(server, now)
    referee.killed(server)
    referee.hurried.add(server.id)
    if (server.frozen) server.kill()
    else server.stop()
    this.restartLater(server, this.#scene.duration(dice))
  }

  /** Without asking whether it may. */
  die(server: LockServerParty): void {
    const { referee, now } = this.#scene
    referee.touch(server, now)
    referee.killed(server)
    server.kill()
  }

  /** F2: no server is there that could be the backup. */
  leaveAlone(dice: Random): void {
    const { cluster, pair } = this.#scene
    const ms = this.#scene.duration(dice)
    for (const server of [...cluster.servers]) {
      if (server === pair.primary || !server.alive || !this.mayDie(server)) continue
      this.#scene.tell(() => `kill ${server.name} (${server.core.role}) in ${cluster.viewText}`)
      this.die(server)
      this.restartLater(server, ms)
    }
  }

  /** The peers are told nothing: connections hang, and dials are neither accepted nor refused. */
  crash(server: LockServerParty, dice: Random): void {
    if (!server.alive || !this.mayDie(server)) return
    const { cluster, referee } = this.#scene
    const { network } = cluster
    const others = network.parties.filter(other => other !== server)
    this.#scene.tell(
      () => `the machine of ${server.name} (${server.core.role}) crashes in ${cluster.viewText}`,
    )
    for (const other of others) {
      network.sever(server, other, { arrives: [0, dice.next()], noticeMs: [never, never] })
      network.cutOff(server, other)
    }
    this.die(server)
    const ms = this.#scene.duration(dice)
    referee.touch(server, this.#scene.now + ms)
    this.#damage.mendLater(ms, `restart ${server.name}`, () => {
      for (const other of others) network.heal(server, other)
      this.restart(server.name)
    })
  }

  leave(server: LockServerParty): void {
    const { cluster, referee, shape, now } = this.#scene
    const { primary, backup } = cluster.withinOf(server, () => this.#scene.pair)
    if (!server.alive || !this.mayDie(server) || (server === primary && backup === undefined)) return
    this.#scene.tell(() => `${server.name} (${server.core.role}) is told to leave`)
    referee.touch(server, now + shape.drainMs)
    if (referee.leaving.has(server.id)) referee.hurried.add(server.id)
    referee.leaving.add(server.id)
    server.leave()
  }

  restart(name: string): void {
    const server = this.#scene.cluster.server(name)
    if (!server.alive && this.isWanted(server) && !this.#scene.cannotStart(name)) server.restart()
  }

  restartLater({ name }: LockServerParty, ms: number): void {
    this.#damage.mendLater(ms, `restart ${name}`, () => this.restart(name))
  }

  // ---- the view server

  killViewServer(dice: Random): void {
    const { viewServer } = this.#scene.cluster
    if (!viewServer.alive) return
    this.#scene.tell(() => `kill VS${viewServer.saving ? ' while it saves' : ''}`)
    this.#losing(viewServer, dice)
    this.viewServerDies(dice, viewServer)
  }

  viewServerDies(dice: Random, viewServer: ViewServerParty): void {
    const { referee, now } = this.#scene
    referee.touch(viewServer, now)
    referee.viewServerDied()
    if (dice.chance(0.2) && !viewServer.frozen) viewServer.stop()
    else viewServer.kill()
    this.#viewServerBack(dice, viewServer)
  }

  #viewServerBack(dice: Random, viewServer: ViewServerParty): void {
    const { referee, now } = this.#scene
    const ms = this.#scene.duration(dice)
    referee.touch(viewServer, now + ms)
    this.#damage.mendLater(ms, `restart ${viewServer.name}`, () => this.restartViewServer(viewServer))
  }

  /** F19: one that starts with less than the last record is no story for several. */
  restartViewServer(viewServer: ViewServerParty): void {
    this.#scene.cluster.store?.putRight()
    if (!viewServer.alive && !this.#scene.cannotStart(viewServer.name)) viewServer.restart()
  }

  // ---- any of them

  kill(party: Party, dice: Random): void {
    if (!party.alive || this.#damage.over) return
    if (party.kind === 'lockserver') this.killServer(party as LockServerParty, dice)
    else if (party.kind === 'viewserver') this.killViewServer(dice)
  }

  /** As soon as the rules promise that the state outlives it: just when it seems to be safe. */
  killSoon(party: Party, dice: Random, tries = 100): void {
    this.#scene.cluster.network.after(0.5, () => {
      if (!party.alive || this.#damage.over) return
      if (party.kind === 'lockserver' && !this.mayDie(party)) {
        if (tries > 0) this.killSoon(party, dice, tries - 1)
      } else this.kill(party, dice)
    })
  }

  /** One that ended by itself is started again. */
  exited(party: LockServerParty | ViewServerParty, dice: Random): void {
    const { referee, now } = this.#scene
    referee.touch(party, now)
    if (party.kind === 'viewserver') this.#viewServerBack(dice, party)
    else this.restartLater(party, 100)
  }

  /** S3, B2: their leases run out together, and what they have ends together. */
  killClientsTogether(dice: Random): void {
    const { users, livingUsers } = this.#scene
    const dying = livingUsers.filter(user => users.holdsOf(user) > 0 && dice.chance(0.7))
    for (const user of dying) {
      this.#scene.tell(() => `kill ${user.name}, which holds ${users.holdsOf(user)} locks`)
      user.kill()
      users.replace(user)
    }
  }

  killClient(dice: Random): void {
    const { users, livingUsers } = this.#scene
    if (livingUsers.length < 2) return
    const held = (user: ClientParty) => users.holdsOf(user)
    // What a session leaves behind matters when it is much.
    const richest = livingUsers.reduce((most, user) => (held(user) > held(most) ? user : most))
    const user = dice.chance(0.5) ? richest : dice.pick(livingUsers)
    this.#scene.tell(() => `kill ${user.name}`)
    this.#losing(user, dice)
    user.kill()
    users.replace(user)
  }

  /** With a kill goes what is still in the sender's buffers, sometimes, or some of it. */
  #losing(party: Party, dice: Random): void {
    if (!dice.chance(0.4)) return
    const { network } = this.#scene.cluster
    const arrives = [dice.next(), dice.next()] as const
    for (const other of [...network.parties]) network.sever(party, other, { arrives, noticeMs: [0, 0] })
  }

  // ---- when all is mended

  /** Whether this server is to be there when all is mended. */
  isWanted(server: LockServerParty): boolean {
    return server.name !== this.#staysDead
  }

  leaveOneDead(): void {
    const { servers } = this.#scene.cluster
    const { leftCopies } = this.#scene.referee
    const dead = servers.find(server => !server.alive && !leftCopies.needs(server.name))
    const { groups } = this.#scene.cluster
    const left = this.#scene.onDisk ? servers.length - 1 : servers.filter(server => server.alive).length
    const enough = left >= 2 * groups
    if (this.#leavesOneDead && enough && dead !== undefined) this.#staysDead = dead.name
  }

  restartAll(): void {
    for (const server of [...this.#scene.cluster.servers]) if (!server.alive) this.restart(server.name)
    for (const viewServer of this.#scene.cluster.viewServers) this.restartViewServer(viewServer)
  }
}

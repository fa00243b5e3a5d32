// A view server that loses its record, three lock servers, and an operator who asks them one after the other and adopts (E7): views, roles
// and who has which operations, in as few words as that needs; the decisions are those that ship. Each thing that may happen is a
// step of its own, and what view servers have said may arrive late. One counter stands for the state: who answers must have all of it.

import { adoptionOf } from '../../../viewservice/adoption.ts'
import { type Circumstances, nextView, stepProblem } from '../../../viewservice/view.ts'
import type { Server, Testimony, View } from '../../../wire/messages.ts'
import { idOf } from '../ids.ts'

export interface Happening {
  readonly do:
    | (
        | 'hear'
        | 'meet'
        | 'copy'
        | 'latch'
        | 'tell'
        | 'answer'
        | 'report'
        | 'ask'
        | 'die'
        | 'restart'
        | 'connect'
      )
    | ('promote' | 'replace' | 'lose record' | 'end' | 'adopt' | 'give word')
  /** A lock server, by its place. */
  readonly at?: number
}

/** How often what need not happen may happen. */
export interface Freedom {
  readonly answers: number
  readonly views: number
  readonly deaths: number
  readonly restarts: number
}

interface LockServer {
  id: string
  life: number
  alive: boolean
  view: View | null
  /** Null: it has no state. */
  operations: number | null
  /** Of its role in its view. */
  latched: boolean
  told: boolean
  /** What a view server has said to it, in order; the connection of the first one ends behind it. */
  coming: View[]
  /** To the view server that decides now. */
  connected: boolean
}

const cluster = idOf('cluster', 0, 1)

export class AdoptionWorld {
  readonly servers: LockServer[]
  /** Of the view server that decides; null: it was lost, and nothing was adopted yet. */
  record: { view: View; acked: boolean; lastAcked: number } | null
  /** The first view server runs; the one that goes on from an adopted record. */
  first = true
  second = false
  halted = false
  /** How many operations clients have been answered. */
  answered = 1
  told: Testimony[] = []
  word: string[] = []
  readonly used = { answers: 0, views: 0, deaths: 0, restarts: 0 }
  problem: string | undefined

  /** View 2 is acked, and all know it. */
  constructor() {
    this.servers = [0, 1, 2].map(at => ({
      ...{ id: idOf('server', at + 1, 1), life: 1, alive: true, view: null, operations: null },
      ...{ latched: false, told: false, coming: [], connected: true },
    }))
    const [a, b] = this.servers.map((_, at) => this.#serverAt(at)) as [Server, Server]
    const view: View = { group: 0, number: 2, primary: a, backup: b, durability: 'memory', start: null }
    this.record = { view, acked: true, lastAcked: 2 }
    for (const [at, server] of this.servers.entries())
      Object.assign(server, { view, operations: at < 2 ? 1 : null, latched: at === 0, told: at === 1 })
  }

  // ---- what may happen

  happenings(freedom: Freedom): Happening[] {
    const found: Happening[] = []
    const add = (what: Happening['do'], at?: number) =>
      found.push(at === undefined ? { do: what } : { do: what, at })
    for (const [at, server] of this.servers.entries()) {
      if (!server.alive) {
        if (this.used.restarts < freedom.restarts) add('restart', at)
        continue
      }
      if (server.coming.length > 0) add('hear', at)
      if (this.used.deaths < freedom.deaths) add('die', at)
      this.#ofRoles(at, freedom, add)
      if (this.record === null && !this.told.some(({ id }) => id === server.id)) add('ask', at)
      if (this.second && !server.connected) add('connect', at)
    }
    this.#ofViewServers(freedom, add)
    return found
  }

  #ofRoles(at: number, freedom: Freedom, add: (what: Happening['do'], at: number) => void): void {
    const primary = this.#at(at)
    if (!isPrimary(primary)) return
    const backup = this.#backupOf(primary)
    if (this.#mayAnswer(primary) && this.used.answers < freedom.answers) add('answer', at)
    if (primary.connected && this.#isAckable(primary)) add('report', at)
    if (backup === undefined) return
    if (backup.view?.number !== primary.view?.number) add('meet', at)
    else if (backup.operations === null) add('copy', at)
    else if (!primary.latched) add('latch', at)
    else if (!backup.told) add('tell', at)
  }

  #ofViewServers(freedom: Freedom, add: (what: Happening['do'], at?: number) => void): void {
    const decides = this.record !== null && !this.halted && (this.first || this.second)
    if (decides && this.used.views < freedom.views) {
      add('promote')
      add('replace')
    }
    if (this.first && this.record !== null) add('lose record')
    if (this.first && this.record === null) add('end')
    if (this.record === null && this.told.length > 0) {
      add('adopt')
      if (this.word.length === 0) add('give word')
    }
  }

  make({ do: what, at = -1 }: Happening): void {
    switch (what) {
      case 'hear':
        return this.#adopt(this.#at(at), this.#at(at).coming.shift() ?? null)
      case 'meet':
        return this.#meet(this.#at(at))
      case 'copy':
        return this.#copy(this.#at(at))
      case 'latch':
        this.#at(at).latched = true
        return
      case 'tell':
        Object.assign(this.#backupOf(this.#at(at)) ?? {}, { told: true })
        return
      case 'answer':
        return this.#answer(this.#at(at))
      case 'report':
        return this.#report(this.#at(at))
      case 'die':
        this.used.deaths++
        return this.#die(this.#at(at))
      case 'restart':
        this.used.restarts++
        return this.#renew(this.#at(at), true)
      case 'promote':
      case 'replace':
        return this.#decide(what)
      case 'lose record':
        this.record = null
        return
      case 'end':
        this.first = false
        for (const server of this.servers) server.connected = false
        return
      case 'ask':
        this.told.push(this.#testimonyOf(this.#at(at)))
        return
      case 'give word':
        return this.#giveWord()
      case 'adopt':
        return this.#adoptRecord()
      case 'connect':
        return this.#connect(this.#at(at))
    }
  }

  // ---- lock servers

  /** R2, V5 */
  #adopt(server: LockServer, view: View | null): void {
    if (view === null || view.number <= (server.view?.number ?? 0)) return
    const isNamed = view.primary.id === server.id || view.backup?.id === server.id
    const mayLead = isPrimary(server) || server.told
    const keeps =
      view.primary.id === server.id ? mayLead : view.backup?.id === server.id && !isPrimary(server)
    if (server.operations !== null && (!isNamed || !keeps)) this.#renew(server, false)
    else if (view.primary.id === server.id && server.operations === null) this.#renew(server, false)
    Object.assign(server, { view, latched: false, told: false })
    // A new view's backup begins with another copy.
    if (view.backup?.id === server.id) server.operations = null
  }

  #meet(primary: LockServer): void {
    const backup = this.#backupOf(primary)
    if (backup === undefined) return
    const [own, other] = [primary.view, backup.view]
    this.#adopt(backup, own)
    this.#adopt(primary, other)
  }

  #copy(primary: LockServer): void {
    const backup = this.#backupOf(primary)
    if (backup !== undefined) backup.operations = primary.operations
  }

  /** R1 */
  #mayAnswer(primary: LockServer): boolean {
    const backup = this.#backupOf(primary)
    if (primary.view?.backup === null || !primary.latched) return true
    return backup !== undefined && isSame(backup.view, primary.view) && backup.operations !== null
  }

  #answer(primary: LockServer): void {
    this.used.answers++
    if (primary.operations !== this.answered)
      this.problem ??= `E7, R1: ${primary.id.slice(0, 4)} answers in view ${primary.view?.number} and has ${primary.operations} of ${this.answered} operations`
    this.answered++
    primary.operations = (primary.operations ?? 0) + 1
    const backup = this.#backupOf(primary)
    if (backup !== undefined && backup.operations !== null && isSame(backup.view, primary.view))
      backup.operations = primary.operations
  }

  #isAckable(primary: LockServer): boolean {
    return primary.view?.backup === null || (primary.latched && this.#backupOf(primary)?.told === true)
  }

  #die(server: LockServer): void {
    Object.assign(server, { alive: false, coming: [], connected: false })
  }

  /** V5: a new id, without a state. */
  #renew(server: LockServer, isStart: boolean): void {
    const at = this.servers.indexOf(server)
    server.life++
    Object.assign(server, {
      id: idOf('server', at + 1, server.life),
      operations: null,
      latched: false,
      told: false,
    })
    if (isStart) Object.assign(server, { alive: true, view: null, coming: [], connected: this.first })
  }

  #backupOf(primary: LockServer): LockServer | undefined {
    return this.servers.find(({ id, alive }) => alive && id === primary.view?.backup?.id)
  }

  // ---- view servers

  #report(primary: LockServer): void {
    const { record } = this
    if (record !== null && isSame(primary.view, record.view)) {
      record.acked = true
      record.lastAcked = record.view.number
    }
  }

  /** It may be wrong about who is dead, but asks the backup before it promotes (V3). */
  #decide(what: 'promote' | 'replace'): void {
    const { record } = this
    if (record === null) return
    const backup = this.servers.find(
      ({ id, alive, connected }) => alive && connected && id === record.view.backup?.id,
    )
    const backupAnswered = backup?.told === true && isSame(backup.view, record.view)
    const idle = this.#idle(record.view)
    const now: Circumstances = {
      primary: what === 'promote' ? 'dead' : 'well',
      primaryHeard: what === 'replace',
      backup: what === 'promote' ? 'well' : 'dead',
      backupAnswered,
      idle,
      idleInReach: idle,
    }
    const next = nextView(record.view, record.acked, now)
    if (next === undefined) return
    this.problem ??= stepProblem(record, next, backupAnswered)
    this.used.views++
    this.record = { view: next, acked: false, lastAcked: record.lastAcked }
    for (const server of this.servers) if (server.connected) server.coming.push(next)
  }

  #idle(view: View): Server | null {
    const at = this.servers.findIndex(
      ({ id, alive, connected, operations }) =>
        alive && connected && operations === null && id !== view.primary.id && id !== view.backup?.id,
    )
    return at < 0 ? null : this.#serverAt(at)
  }

  /** V6: a server that knows a newer view halts it. */
  #connect(server: LockServer): void {
    const { record } = this
    if (record === null) return
    server.connected = true
    if ((server.view?.number ?? 0) > record.view.number) this.halted = true
    else server.coming.push(record.view)
  }

  // ---- the operator

  #testimonyOf(server: LockServer): Testimony {
    const at = this.servers.indexOf(server)
    const role = isPrimary(server) ? 'primary' : server.view?.backup?.id === server.id ? 'backup' : 'idle'
    return {
      ...{
        cluster: server.view === null ? null : cluster,
        ...this.#serverAt(at),
        role,
        group: 0,
        view: server.view,
      },
      acked: role === 'primary' ? this.#isAckable(server) : server.told,
      ...{ latched: role === 'primary' && server.latched, recovering: false, token: 1, longestTtlMs: 10_000 },
      ...{ imprint: null, map: null, actedBy: 0 },
      // Whatever of it is on its way comes before the end of its connection.
      viewServer: server.connected || server.coming.length > 0 ? 'ws://v' : null,
    }
  }

  /** A true one: what it is given for runs no more, nor does anything newer than what was told. */
  #giveWord(): void {
    const found = adoptionOf(this.told, { noResetSince: true, nobodyElse: [] }, 'x')
    if (found.is !== 'missing') return
    const runs = (id: string) => this.servers.some(server => server.alive && server.id === id)
    const isNewer = this.servers.some(({ alive, view }) => alive && (view?.number ?? 0) > found.view.number)
    if (!isNewer && found.servers.every(({ id }) => !runs(id))) this.word = found.servers.map(({ id }) => id)
  }

  #adoptRecord(): void {
    const found = adoptionOf(this.told, { noResetSince: true, nobodyElse: this.word }, 'x')
    if (found.is !== 'adopted') return
    const { view, acked, lastAcked } = found.record
    this.record = { view, acked, lastAcked }
    this.second = true
    this.told = []
    for (const server of this.servers) server.connected = false
  }

  #serverAt(at: number): Server {
    return { id: this.#at(at).id, address: `ws://S${at + 1}` }
  }

  #at(at: number): LockServer {
    const server = this.servers[at]
    if (server === undefined) throw new Error(`there is no lock server ${at}`)
    return server
  }
}

function isPrimary({ id, view, operations }: LockServer): boolean {
  return view?.primary.id === id && operations !== null
}

/** Not by its number alone: two may be made of one. */
function isSame(a: View | null, b: View | null): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

// A step of a lock server: its core, and what its driver does at the end of a turn, at a step-down and at
// its exit.

import type { ServerCore } from '../../../lockserver/core.ts'
import type { ServerInput } from '../../../lockserver/input.ts'
import type { Found } from '../../../lockserver/journal/asked.ts'
import type { ServerEffect } from '../../../lockserver/outbox.ts'
import { stateLimits } from '../../../wire/limits.ts'
import type { Message } from '../../../wire/messages.ts'
import { unknownEffect } from '../../../wire/unknown-effect.ts'
import { idOf, pingIntervalMs } from '../ids.ts'
import { frozen } from '../plain.ts'
import { bearer, loser, standing } from './access.ts'
import { blankDisk, foundOn, withoutNumbers, withoutPower, withRot, withSynced, withWrite } from './disk.ts'
import type { Input, ServerLocal } from './process.ts'
import type { Turn } from './turn.ts'

export class LockServerStep {
  readonly #turn: Turn

  constructor(turn: Turn) {
    this.#turn = turn
  }

  step(local: ServerLocal, input: Input): void {
    if (input.is === 'start') {
      local.accepted = 0
      this.#newCore(local, null, foundOn(local.disk, this.#turn.cores))
      this.#turnWith(local, { is: 'tick' })
    } else if (input.is === 'reads') this.#reads(local)
    else if (input.is === 'no power') this.#ends(local, input.writes)
    else if (input.is === 'kill') this.#ends(local, 0)
    else if (input.is === 'burn') local.disk = blankDisk
    else if (input.is === 'rot') local.disk = frozen(withRot(local.disk))
    else if (input.is === 'turn-end') this.#endTurn(local)
    else if (input.is === 'synced') this.#syncOne(local)
    else {
      if (input.is === 'accepted') local.accepted = input.connection
      const taken = input.is === 'tick' ? ({ is: 'tick' } as const) : this.#turn.inputOf(input, local.access)
      if (taken.is === 'accepted' && !this.#letsIn(local, taken)) return
      if (taken.is === 'closed') local.access.shown.delete(taken.connection)
      this.#turnWith(local, taken as ServerInput)
    }
  }

  /** As its listener does (A1): whose token was taken away is turned away. */
  #letsIn(local: ServerLocal, { connection, from, principal }: Extract<ServerInput, { is: 'accepted' }>) {
    if (this.#turn.setting.access === 'none' || from.kind !== 'client') return true
    if (principal !== null) {
      local.access.shown.set(connection, from.name)
      return true
    }
    const frame = this.#turn.frames.numberOf([['error', 'WRONG_TOKEN', 'it was taken away']])
    this.#turn.outputs.push({ do: 'send', connection, frame }, { do: 'close', connection })
    return false
  }

  /** A3: as its driver does, in one turn. */
  #reads(local: ServerLocal): void {
    const { setting } = this.#turn
    local.access.isRead = true
    this.#turn.seen.push({ see: 'read', slot: local.slot })
    for (const [connection, name] of [...local.access.shown]) {
      if (name !== loser) continue
      const principal = bearer(setting, local.access, name)
      if (principal === null) local.access.shown.delete(connection)
      const why = principal === null ? 'was taken away' : null
      if (!this.#stepCore(local, { is: 'rights changed', connection, principal, why })) return
    }
    const now = standing(setting, local.access)
    if (now !== null) this.#turnWith(local, { is: 'standing', standing: now })
  }

  /** Of what is not synced, so many writes are found later. */
  #ends(local: ServerLocal, writes: number): void {
    local.disk = frozen(withoutPower(local.disk, writes))
    local.core = null
    local.pending = []
    local.inTurn = false
    local.access.shown.clear()
    // A process that starts later reads the new file first.
    if (this.#turn.setting.access !== 'none' && !local.access.isRead) {
      local.access.isRead = true
      this.#turn.seen.push({ see: 'read', slot: local.slot })
    }
  }

  /** Its oldest write reaches the disk. */
  #syncOne(local: ServerLocal): void {
    const [first] = local.disk.unsynced
    local.disk = frozen(withSynced(local.disk))
    if (first !== undefined && first.number > 0) this.#turnWith(local, { is: 'synced', number: first.number })
  }

  #newCore(local: ServerLocal, cluster: string | null, found: Found | null): void {
    local.life++
    const options = {
      id: idOf('server', local.slot, local.life),
      address: `ws://${local.slot}:1`,
      viewServers: ['ws://0:1'],
      pingIntervalMs,
      deadPings: 5,
      drainMs: 10_000,
      limits: stateLimits,
      pid: 1,
      host: 'simulated',
      cluster,
    }
    const journal = this.#turn.setting.disks !== 'none'
    const now = standing(this.#turn.setting, local.access)
    const own = { ...options, journal, standing: now }
    local.core = new this.#turn.cores.ServerCore(frozen(own), found)
  }

  #turnWith(local: ServerLocal, input: ServerInput): void {
    if (!this.#stepCore(local, input)) return
    local.inTurn = true
    if (!this.#turn.setting.openTurns.includes(local.slot)) this.#endTurn(local)
  }

  #endTurn(local: ServerLocal): void {
    local.inTurn = false
    this.#sendPending(local)
    if (this.#stepCore(local, { is: 'turn-end' })) this.#sendPending(local)
    if (this.#turn.setting.disks === 'fast')
      while (local.disk.unsynced.length > 0 && local.core !== null) this.#syncOne(local)
  }

  /** False when the core ended itself. */
  #stepCore(local: ServerLocal, input: ServerInput): boolean {
    const core = local.core as ServerCore
    for (const effect of core.step(input, this.#turn.now)) {
      switch (effect.do) {
        case 'note':
          if (effect.level === 'error') this.#turn.error(local, effect.text)
          break
        case 'pause':
          break
        case 'journal':
          local.disk = frozen(withWrite(local.disk, effect.number, effect.write))
          break
        case 'snapshot':
        case 'prepare':
          break
        case 'tell sent':
          if (!this.#stepCore(local, { is: 'sent', connection: effect.connection })) return false
          break
        case 'continue':
          this.#sendPending(local) // Each turn's own frames: a death may come between them.
          if (!this.#stepCore(local, { is: 'continue' })) return false
          if (!this.#stepCore(local, { is: 'turn-end' })) return false
          break
        case 'step-down':
          return this.#stepDown(local, core, effect.reason)
        case 'exit':
          return this.#exit(local, effect)
        case 'send':
        case 'close':
        case 'dial':
          local.pending.push(effect)
          break
        default:
          return unknownEffect(effect)
      }
    }
    return true
  }

  #stepDown(local: ServerLocal, core: ServerCore, reason: string): boolean {
    this.#turn.seen.push({ see: 'stepped down', slot: local.slot, text: reason })
    this.#closeAll(local, ['error', 'STEPPED_DOWN', reason])
    // The new core's numbers begin again at 1: what the old one wrote concerns it no more.
    local.disk = frozen(withoutNumbers(local.disk))
    local.access.shown.clear()
    this.#newCore(local, core.cluster, null)
    this.#turnWith(local, { is: 'tick' })
    return false
  }

  #exit(local: ServerLocal, { status, reason }: Extract<ServerEffect, { do: 'exit' }>): boolean {
    this.#turn.seen.push({ see: 'exit', slot: local.slot, status, text: reason })
    this.#closeAll(local, ['error', status === 0 ? 'LEAVING' : 'INTERNAL', reason])
    local.core = null
    return false
  }

  /** What the end of the turn sends goes in a frame of its own, behind what was sent before. */
  #sendPending(local: ServerLocal): void {
    this.#turn.send(local.pending)
    local.pending = []
  }

  #closeAll(local: ServerLocal, error: Message): void {
    this.#sendPending(local)
    this.#turn.outputs.push({ do: 'close all', frame: this.#turn.frames.numberOf([error]) })
  }
}

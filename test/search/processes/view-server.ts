// A step of the view server: its core, and what its driver does with the record on the disk.

import type { ViewCore } from '../../../viewservice/core.ts'
import { foundingOf } from '../../../viewservice/founding.ts'
import type { ViewEffect, ViewInput, ViewRecord } from '../../../viewservice/record.ts'
import { unknownEffect } from '../../../wire/unknown-effect.ts'
import { idOf, pingIntervalMs } from '../ids.ts'
import { frozen } from '../plain.ts'
import type { Input, ViewLocal } from './process.ts'
import type { Turn } from './turn.ts'

export class ViewServerStep {
  readonly #turn: Turn

  constructor(turn: Turn) {
    this.#turn = turn
  }

  step(local: ViewLocal, input: Input): void {
    if (input.is === 'start') {
      local.life++
      local.accepted = 0
      local.core = this.#newCore(local)
    } else if (input.is === 'kill' || input.is === 'kill after the write') {
      if (input.is === 'kill after the write') this.#write(local)
      local.saving = null
      local.core = null
    } else if (input.is === 'saved') {
      this.#write(local)
      this.#turnWith(local, { is: 'saved' })
    } else {
      if (input.is === 'accepted') local.accepted = input.connection
      this.#turnWith(local, this.#turn.inputOf(input) as ViewInput)
    }
  }

  #newCore(local: ViewLocal): ViewCore {
    const { deadPings } = this.#turn.setting
    const durability = this.#turn.setting.disks === 'none' ? 'memory' : 'disk'
    const options = {
      pingIntervalMs,
      deadPings,
      record: local.disk ?? foundingOf({ cluster: idOf('cluster', 0, 1), durability, nobodyHasRun: true }),
      recoveryPatienceMs: this.#turn.setting.patienceMs,
      pid: 1,
      host: 'simulated',
    }
    return new this.#turn.cores.ViewCore(frozen(options))
  }

  #turnWith(local: ViewLocal, input: ViewInput): void {
    const core = local.core as ViewCore
    for (const given of [input, { is: 'turn-end' } as const]) {
      const effects = core.step(given, this.#turn.now)
      this.#turn.send(effects)
      this.#perform(local, effects)
    }
    if (local.saving === null || this.#turn.setting.slowDisk) return
    this.#write(local)
    this.#turnWith(local, { is: 'saved' })
  }

  #perform(local: ViewLocal, effects: readonly ViewEffect[]): void {
    for (const effect of effects) {
      switch (effect.do) {
        case 'note':
          if (effect.level === 'error') this.#turn.error(local, effect.text)
          break
        case 'save':
          local.saving = frozen(effect.record)
          break
        case 'send':
        case 'close':
        case 'dial':
        case 'look':
          break
        default:
          unknownEffect(effect)
      }
    }
  }

  #write(local: ViewLocal): void {
    const record = local.saving as ViewRecord
    local.disk = record
    local.saving = null
    this.#turn.seen.push({ see: 'record', record })
  }
}

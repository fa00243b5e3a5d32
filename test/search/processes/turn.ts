// One input to one process: what the process sends and what is seen of it meanwhile. A turn knows frames
// and connections; what the input does is up to the process.

import type { Instant } from '../../../wire/clock.ts'
import type { ConnectionEffect, ConnectionInput } from '../../../wire/effects.ts'
import type { HelloFrom, Message } from '../../../wire/messages.ts'
import { principalOwner } from '../../../wire/net/owner.ts'
import { wireVersion } from '../../../wire/version.ts'
import type { Frames } from '../frames.ts'
import type { Parties } from '../parties.ts'
import type { Cores } from '../plain.ts'
import type { Setting } from '../setting.ts'
import { bearer, type SearchedAccess } from './access.ts'
import type { Input, Local, Output, Seen } from './process.ts'

export class Turn {
  readonly outputs: Output[] = []
  readonly seen: Seen[] = []
  readonly parties: Parties
  readonly cores: Cores
  readonly now: Instant

  constructor(parties: Parties, cores: Cores, now: Instant) {
    this.parties = parties
    this.cores = cores
    this.now = now
  }

  get frames(): Frames {
    return this.parties.frames
  }

  get setting(): Setting {
    return this.parties.setting
  }

  /** `access`: of the lock server that takes it. */
  inputOf(input: Input, access?: SearchedAccess): ConnectionInput | { readonly is: 'tick' } {
    const { frames } = this
    switch (input.is) {
      case 'accepted': {
        const [hello] = frames.messages(input.frame, 'opening')
        const [, , cluster, , from] = hello as unknown as [string, number, string | null, null, HelloFrom]
        const name = from.kind === 'client' && this.setting.access !== 'none' ? from.name : null
        return {
          is: 'accepted',
          connection: input.connection,
          cluster,
          from,
          owner: name === null ? null : principalOwner(name),
          remote: '',
          principal: name === null || access === undefined ? null : bearer(this.setting, access, name),
        }
      }
      case 'messages':
        return {
          is: 'messages',
          connection: input.connection,
          messages: frames.messages(input.frame, input.channel),
        }
      case 'closed':
        return { is: 'closed', connection: input.connection, refused: input.refused }
      default:
        return { is: 'tick' }
    }
  }

  /** One frame a connection, as the drivers send what was decided in one turn. */
  send(effects: readonly (ConnectionEffect | { readonly do: string })[]): void {
    const waiting = new Map<number, Message[]>()
    const flush = (connection: number) => {
      const messages = waiting.get(connection)
      waiting.delete(connection)
      if (messages !== undefined)
        this.outputs.push({ do: 'send', connection, frame: this.frames.numberOf(messages) })
    }
    const add = (connection: number, message: Message) => {
      const messages = waiting.get(connection)
      if (messages === undefined) waiting.set(connection, [message])
      else messages.push(message)
    }
    for (const effect of effects as readonly ConnectionEffect[]) {
      if (effect.do === 'send') add(effect.connection, effect.message)
      else if (effect.do === 'close') {
        // Who accepted tells errors; who dialled gives its reason in the close frame only.
        if (effect.code !== null && effect.connection > 0)
          add(effect.connection, ['error', effect.code, effect.text])
        flush(effect.connection)
        this.outputs.push({ do: 'close', connection: effect.connection })
      } else if (effect.do === 'dial') this.#dial(effect)
    }
    for (const connection of [...waiting.keys()]) flush(connection)
  }

  #dial({ connection, address, cluster, from }: Extract<ConnectionEffect, { do: 'dial' }>): void {
    const frame = this.frames.numberOf([['hello', wireVersion, cluster, null, from]])
    this.outputs.push({ do: 'dial', connection, to: this.parties.slotAt(address), kind: from.kind, frame })
  }

  error(local: Local, text: string): void {
    this.seen.push({ see: 'error', slot: local.slot, text })
  }
}

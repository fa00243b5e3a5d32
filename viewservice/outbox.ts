// Collects what the core asks of its driver during one step, and counts it.

import type { ErrorCode } from '../wire/errors.ts'
import type { MessageOf, Server } from '../wire/messages.ts'
import type { ViewCounts } from './counts.ts'
import type { NoteLevel, ViewEffect, ViewRecord, ViewSays } from './record.ts'

export class ViewOutbox {
  /** Undefined if nothing is counted. */
  readonly counts: ViewCounts | undefined
  #effects: ViewEffect[] = []

  constructor(counts?: ViewCounts) {
    this.counts = counts
  }

  take(): ViewEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  send(connection: number, message: MessageOf<ViewSays>): void {
    this.#effects.push({ do: 'send', connection, message })
  }

  close(connection: number, code: ErrorCode | null, text: string): void {
    this.#effects.push({ do: 'close', connection, code, text })
  }

  dial(connection: number, server: Server, cluster: string | null): void {
    this.#effects.push({
      do: 'dial',
      connection,
      address: server.address,
      cluster,
      from: { kind: 'probe' },
    })
  }

  save(record: ViewRecord): void {
    this.#effects.push({ do: 'save', record })
  }

  look(): void {
    this.#effects.push({ do: 'look' })
  }

  note(level: NoteLevel, text: string, fields: object): void {
    this.#effects.push({ do: 'note', level, text, fields })
  }
}

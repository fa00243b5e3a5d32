// How a lock server leaves in order: it drains what is in flight, asks to be relieved, and ends when the next view
// comes, or once all is on its disk (D10). A server that is not asked to leave never comes here.

import type { ServerCoreOptions } from './core-options.ts'
import type { ServerOutbox } from './outbox.ts'
import type { Primary } from './primary.ts'
import type { CoreParts, Roles } from './roles.ts'
import type { Situation } from './situation.ts'
import type { ViewLinks } from './view-links.ts'

type Step = 'no' | 'waiting for a backup' | 'draining' | 'asking to be relieved'

export class Leaving {
  readonly #options: ServerCoreOptions
  readonly #out: ServerOutbox
  readonly #situation: Readonly<Situation>
  readonly #viewLinks: ViewLinks
  readonly #roles: Roles
  #step: Step = 'no'
  #ticks = 0

  constructor(options: ServerCoreOptions, { out, situation, viewLinks }: CoreParts, roles: Roles) {
    this.#options = options
    this.#out = out
    this.#situation = situation
    this.#viewLinks = viewLinks
    this.#roles = roles
  }

  get begun(): boolean {
    return this.#step !== 'no'
  }

  get asksForRelief(): boolean {
    return this.#step === 'asking to be relieved'
  }

  /** Comes once: at a second wish running.ts ends the server. */
  begin(): void {
    this.#step = 'waiting for a backup'
    this.#roles.leave()
    this.#out.note('info', 'leaving', {})
    const { primary, backup } = this.#roles
    if (primary === null && backup === null) return this.#roles.exit(0, 'left in order')
    if (backup !== null) this.#askForRelief()
    else this.advance(0)
  }

  #askForRelief(): void {
    this.#step = 'asking to be relieved'
    this.#viewLinks.ping()
  }

  /** Drain what is in flight, ask to be relieved, end when the next view comes. */
  advance(ticks: number): void {
    if (this.#step === 'no' || this.#roles.over) return
    this.#ticks += ticks
    const { primary } = this.#roles
    const late = this.#ticks * this.#options.pingIntervalMs >= this.#options.drainMs
    if (late && primary?.replication.durable) return this.#turnOff(primary)
    if (primary !== null && this.#situation.view?.backup === null && this.#step !== 'waiting for a backup') {
      this.#step = 'waiting for a backup'
      primary.reopen()
    }
    if (primary !== null && this.#step === 'waiting for a backup' && primary.replication.join.inSync) {
      this.#step = 'draining'
      primary.close()
    }
    if (primary !== null && this.#step === 'draining' && primary.drained) this.#askForRelief()
    if (!late) return
    if (primary === null) this.#roles.exit(0, 'left; no server took its role over in time')
    else this.#roles.exit(1, 'no backup took over in time: the state ends with this server')
  }

  /** D10: no backup has relieved it: it ends once all is on its disk. */
  #turnOff(primary: Primary): void {
    this.#step = 'draining'
    if (!primary.isClosed) primary.close()
    if (primary.isSafe) this.#roles.exit(0, 'safe to turn off: the state is on disk')
  }
}

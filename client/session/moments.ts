// The moments that a session draws by chance, so that no crowd does at once what each of its sessions has time for: to come
// to a new primary while it rests, and to connect to a backup ahead of need.

import type { Instant } from '../../wire/clock.ts'
import { renewPart, restLeaseMs } from '../../wire/limits.ts'

export class Moments {
  /** Every moment of this time is as likely. */
  readonly #spreadMs: number
  /** When it may look for its next primary; null: not drawn, since the last one is not lost. */
  #comeBackAt: number | null = 0
  /** When it may connect to the backup; null: not drawn. */
  #backupAt: number | null = null

  constructor(ttlMs: number) {
    this.#spreadMs = restLeaseMs(ttlMs) * renewPart
  }

  get comeBackAt(): number {
    return this.#comeBackAt ?? 0
  }

  /** Infinity: not drawn. */
  get backupAt(): number {
    return this.#backupAt ?? Number.POSITIVE_INFINITY
  }

  comeBackNow(): void {
    this.#comeBackAt = 0
  }

  /** Idle sessions reconnect after a random delay, so that sessions holding locks get to the new primary first. */
  drawComeBack(away: boolean, hurries: boolean, now: Instant, chance: number): void {
    if (!away) this.#comeBackAt = null
    else this.#comeBackAt ??= hurries ? 0 : now.monotonic + chance * this.#spreadMs
  }

  /**
   * S4: a session that holds something has a connection to the backup before it needs it: a crowd whose primary dies would take
   * longer to connect, with TLS above all, than its leases last. At random moments, so that no crowd comes to a new backup at once.
   */
  drawBackup(now: Instant, chance: number): void {
    this.#backupAt ??= now.monotonic + chance * this.#spreadMs
  }

  forgetBackup(): void {
    this.#backupAt = null
  }
}

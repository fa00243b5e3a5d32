// The logger that servers write to; pino fits. Embedded servers are silent unless given one.

export interface Logger {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

const nothing = () => {}
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

/** A repeated line is only counted within this time. */
const sayAgainMs = 60_000
const linesMax = 1_000
/** Lines with one text that are written in a second, whatever their fields; the rest is counted, so that no stranger fills a disk (B3). */
const linesPerSecond = 16

/**
 * Repeated warnings and errors, such as those about a peer that dials five times a second, are logged once a
 * minute; `repeated` says how many were left out. Of those with one text and other fields some are logged each second;
 * `others` says how many were not.
 */
export function sparing(log: Logger, now: () => number): Logger {
  const told = new Map<string, { at: number; repeated: number }>()
  const texts = new Map<string, { at: number; lines: number; others: number }>()
  /** How many with this text were left out since the last line; null: so is this one. */
  const othersOf = (text: string): number | null => {
    const last = texts.get(text)
    if (last === undefined || now() - last.at >= 1_000) {
      if (texts.size >= linesMax) texts.clear()
      texts.set(text, { at: now(), lines: 1, others: 0 })
      return last?.others ?? 0
    }
    if (last.lines++ < linesPerSecond) return 0
    last.others++
    return null
  }
  const say = (level: 'warn' | 'error', fields: object, text: string) => {
    const key = text + JSON.stringify(fields)
    const last = told.get(key)
    if (last !== undefined && now() - last.at < sayAgainMs) {
      last.repeated++
      return
    }
    const others = othersOf(text)
    if (others === null) return
    if (told.size >= linesMax) told.clear()
    told.set(key, { at: now(), repeated: 0 })
    const left = { ...(last?.repeated && { repeated: last.repeated }), ...(others > 0 && { others }) }
    log[level]({ ...fields, ...left }, text)
  }
  return {
    debug: (fields, text) => log.debug(fields, text),
    info: (fields, text) => log.info(fields, text),
    warn: (fields, text) => say('warn', fields, text),
    error: (fields, text) => say('error', fields, text),
  }
}

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

/**
 * Repeated warnings and errors, such as those about a peer that dials five times a second, are logged once a
 * minute; `repeated` says how many were left out.
 */
export function sparing(log: Logger, now: () => number): Logger {
  const told = new Map<string, { at: number; repeated: number }>()
  const say = (level: 'warn' | 'error', fields: object, text: string) => {
    const key = text + JSON.stringify(fields)
    const last = told.get(key)
    if (last !== undefined && now() - last.at < sayAgainMs) {
      last.repeated++
      return
    }
    if (told.size >= linesMax) told.clear()
    told.set(key, { at: now(), repeated: 0 })
    log[level](last?.repeated ? { ...fields, repeated: last.repeated } : fields, text)
  }
  return {
    debug: (fields, text) => log.debug(fields, text),
    info: (fields, text) => log.info(fields, text),
    warn: (fields, text) => say('warn', fields, text),
    error: (fields, text) => say('error', fields, text),
  }
}

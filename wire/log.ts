// What servers write their log lines to; pino fits. Embedded servers are silent unless given one.

export interface Logger {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
}

const nothing = () => {}
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }

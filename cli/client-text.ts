// A client in few words: its name, and where it runs unless the name says so. For people; all of it is what the
// client says of itself.

import { oneLine } from './output.ts'

export interface Named {
  readonly clientName: string | null
  /** Null where they can't be known, as in a page. */
  readonly host: string | null
  readonly pid: number | null
}

/** `billing-3 on app-2, pid 4711`; the names of this command say it themselves. */
export function clientText({ clientName, host, pid }: Named, gone = ''): string {
  if (clientName === null) return gone
  const has = (what: string | number) => clientName.split(/[\s,()]+/).includes(String(what))
  const where = [
    ...(host === null || has(host) ? [] : [` on ${oneLine(host)}`]),
    ...(pid === null || has(pid) ? [] : [`, pid ${pid}`]),
  ]
  return oneLine(clientName) + where.join('')
}

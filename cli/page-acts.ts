// What operators may do from the dashboard of this view server, done as the commands do it: with a session, or a question of a
// client, that shows what the user of the page has shown. So the servers decide by the same rules (A2).

import { hostname } from 'node:os'
import { connect } from '../client/index.ts'
import type { ViewServerOptions } from '../viewservice/index.ts'
import { AskedServer, askStatus } from './ask.ts'
import { askReset, meaning } from './reset.ts'
import { tlsOptions, useTls } from './tls.ts'

export type Acts = NonNullable<ViewServerOptions['acts']>

const withinMs = 10_000

/** `address`: where this view server listens. `tls`: the files of its options, read again each time. */
export function actsBy(address: () => string, tls: Readonly<Record<string, unknown>>): Acts {
  return {
    async release({ name, token, proof }) {
      useTls(tls)
      await using client = await connect([address()], {
        name: `holdfast dashboard on ${hostname()}`,
        timeout: withinMs,
        tls: tlsOptions(),
        ...(proof !== null && { token: proof }),
      })
      return await client.forceRelease(name, { token, timeout: withinMs })
    },
    async reset({ group, view, proof }) {
      useTls(tls)
      using peer = await AskedServer.meet(address(), proof ?? undefined)
      const now = await askReset(peer, group, view, false)
      const done = now.number === view + 1 && now.start?.choice === null
      return meaning(now, view, done, (await askStatus(peer)).groups.length)
    },
  }
}

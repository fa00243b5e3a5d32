// `holdfast lockserver`: one lock server, until it is told to end or ends itself.

import { startLockServer } from '../lockserver/index.ts'
import { drainMs } from '../wire/limits.ts'
import { isWildcard } from '../wire/listen.ts'
import { type Command, inEnvironment, oneUrl, urls, viewDefault, whole } from './arguments.ts'
import { UsageError } from './failure.ts'
import {
  listenOption,
  present,
  type Served,
  serve,
  serverOptions,
  servingHelp,
  sharedOptions,
  startLog,
} from './serving.ts'

const options = {
  ...listenOption('127.0.0.1:0'),
  view: inEnvironment(urls('URL[,URL]', `the view server; default ${viewDefault}`)),
  advertise: inEnvironment(oneUrl('URL', 'where others reach it; default: where it listens')),
  'drain-ms': inEnvironment(whole('MS', `the longest that leaving may take; default ${drainMs}`, 0, 600_000)),
  ...serverOptions,
}

export const command: Command<typeof options> = {
  usage: 'lockserver [options]',
  does: 'run one lock server',
  more: `${servingHelp}

On a first SIGTERM or SIGINT the server hands its role over before it goes (exit code 0).
If nobody can take its state over in time, the state ends with it (exit code 1).`,
  options,
  names: [],
  async run({ values }) {
    const { listen, advertise } = values
    if (listen && isWildcard(listen.host) && advertise === undefined)
      throw new UsageError(
        `--advertise URL is missing: with --listen ${listen.host} others must be told where to reach it`,
      )
    const shared = sharedOptions(values, startLog(values['log-level']))
    return await serve(() =>
      start({
        ...shared,
        ...present('drainMs', values['drain-ms']),
        view: values.view ?? viewDefault,
        advertise,
      }),
    )
  },
}

async function start(given: Parameters<typeof startLockServer>[0]): Promise<Served> {
  const server = await startLockServer(given)
  return { url: server.address, ended: server.ended, end: () => void server.leave() }
}

// `holdfast lockserver`: one lock server, until a signal or an error ends it.

import { rehearse, startLockServer } from '../lockserver/index.ts'
import { drainMs, holdMsMax, stateLimits } from '../wire/limits.ts'
import { isWildcard } from '../wire/net/listen.ts'
import {
  byDefault,
  type Command,
  flag,
  inEnvironment,
  oneUrl,
  text,
  viewDefault,
  viewOption,
  whole,
} from './arguments.ts'
import {
  listenOption,
  openness,
  present,
  readingAgain,
  type Served,
  serve,
  serverOptions,
  servingHelp,
  sharedOptions,
  startLog,
} from './serving.ts'

const quotaOf = (what: string) =>
  inEnvironment(byDefault('what is left, any from loopback', whole('COUNT', what, 1, 10_000_000)))

/** Of one address (B7). */
const quotaOptions = {
  'sessions-per-address': quotaOf('sessions of one address'),
  'locks-per-address': quotaOf('locks that sessions of one address hold or wait for'),
  'waiters-per-address': quotaOf('waiting acquires of one address'),
  'watches-per-address': quotaOf('watches of one address'),
}

const options = {
  ...listenOption('127.0.0.1:0'),
  view: viewOption,
  advertise: inEnvironment(byDefault('where it listens', oneUrl('URL', 'where others reach it'))),
  data: inEnvironment(text('DIR', 'folder of the journal, for a cluster on disk; made if it is not there')),
  ...quotaOptions,
  'hold-at-least-ms-max': inEnvironment(
    byDefault(
      stateLimits.holdAtLeastMsMax,
      whole('MS', 'the longest that a hold may be asked to last at least', 1, holdMsMax),
    ),
  ),
  'drain-ms': inEnvironment(byDefault(drainMs, whole('MS', 'the longest that leaving may take', 0, 600_000))),
  unrehearsed: inEnvironment(flag('start some 0.3 s sooner, and serve slowly at first')),
  ...serverOptions,
}

export const command: Command<typeof options> = {
  usage: 'lockserver [options]',
  does: 'run one lock server',
  more: `${servingHelp}

On a first SIGTERM, SIGINT or SIGHUP the server hands its role over before it goes (exit code 0).
If no server can take its state over in time, the state ends with it (exit code 1).`,
  options,
  names: [],
  serves: true,
  check(values) {
    const { listen, advertise } = values
    const hidden = listen !== undefined && isWildcard(listen.host) && advertise === undefined
    return [
      ...openness(values),
      ...(hidden
        ? [`--advertise URL is missing: with --listen ${listen.host} others must be told where to reach it`]
        : []),
    ]
  },
  async run({ values }) {
    const { advertise, data } = values
    const log = startLog(values['log-level'])
    const shared = sharedOptions(values, log)
    if (!values.unrehearsed) rehearse()
    return await serve(
      () =>
        start({
          ...shared,
          ...present('drainMs', values['drain-ms']),
          ...present('holdAtLeastMsMax', values['hold-at-least-ms-max']),
          ...present('sessionsPerAddress', values['sessions-per-address']),
          ...present('locksPerAddress', values['locks-per-address']),
          ...present('waitersPerAddress', values['waiters-per-address']),
          ...present('watchesPerAddress', values['watches-per-address']),
          view: values.view ?? viewDefault,
          advertise,
          data,
        }),
      log,
    )
  },
}

async function start(given: Parameters<typeof startLockServer>[0]): Promise<Served> {
  const server = await startLockServer(given)
  const ended = server.ended.then(asKilled)
  return { url: server.address, ended, end: () => void server.leave(), ...readingAgain(server, given) }
}

/** What a server's end by `kill` is told as. */
const killedStatus = 137

/** A server that is asked to end at once sends itself SIGKILL: the one that started it knows such ends. */
function asKilled(status: number): number {
  if (status === killedStatus) process.kill(process.pid, 'SIGKILL')
  return status
}

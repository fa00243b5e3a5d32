// `holdfast viewserver`: one view server, until a signal ends it.

import { startViewServer, type ViewServerOptions } from '../viewservice/index.ts'
import { byDefault, type Command, flag, inEnvironment, oneUrl, type Values } from './arguments.ts'
import { beginningOptions, placeProblems, recordOptions } from './init.ts'
import {
  listenOption,
  openness,
  readingAgain,
  type Served,
  serve,
  serverOptions,
  servingHelp,
  sharedOptions,
  startLog,
} from './serving.ts'
import { signalByParent } from './signal-asks.ts'

const options = {
  ...listenOption('127.0.0.1:7400'),
  data: recordOptions.data,
  record: recordOptions.record,
  advertise: inEnvironment(byDefault('where it listens', oneUrl('URL', 'where other view servers reach it'))),
  'init-if-none': inEnvironment(flag('without a record begin a new cluster, as holdfast init does')),
  ...beginningOptions,
  play: inEnvironment(flag('the dashboard may kill lock servers, and freeze those of holdfast cluster')),
  ...serverOptions,
}

export const command: Command<typeof options> = {
  usage: 'viewserver --data DIR | --record URL [options]',
  does: 'run one view server',
  more: servingHelp,
  options,
  names: [],
  serves: true,
  check(values) {
    return [...openness(values), ...placeProblems(values), ...beginningProblems(values)]
  },
  async run({ values }) {
    const { data, record, advertise, durability, groups, 'ttl-max': ttlMaxMs } = values
    const { 'init-if-none': initIfNone } = values
    const log = startLog(values['log-level'])
    const shared = sharedOptions(values, log)
    // B8: whoever started this process may have started the others, too.
    const play = values.play && process.send !== undefined ? signalByParent() : values.play
    return await serve(
      () => start({ ...shared, data, record, advertise, initIfNone, durability, groups, ttlMaxMs, play }),
      log,
    )
  },
}

/** They are chosen when a cluster is begun. */
function beginningProblems(values: Values<typeof options>): readonly string[] {
  if (values['init-if-none']) return []
  return (['durability', 'groups', 'ttl-max'] as const).flatMap(name =>
    values[name] === undefined
      ? []
      : [`--${name} is chosen when a cluster is begun: give it to holdfast init, or with --init-if-none`],
  )
}

async function start(given: Omit<ViewServerOptions, 'onFatal'>): Promise<Served> {
  let setEnded: (status: number) => void = () => {}
  const ended = new Promise<number>(resolve => {
    setEnded = resolve
  })
  const server = await startViewServer({ ...given, onFatal: () => setEnded(1) })
  const end = () => void server.close().then(() => setEnded(0))
  return { url: server.address, ended, end, ...readingAgain(server, given) }
}

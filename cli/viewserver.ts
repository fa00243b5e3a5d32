// `holdfast viewserver`: one view server, until a signal ends it.

import { startViewServer, type ViewServerOptions } from '../viewservice/index.ts'
import { byDefault, type Command, flag, inEnvironment, oneUrl, text, type Values } from './arguments.ts'
import { beginningOptions, placeProblems, recordOptions } from './init.ts'
import { actsBy } from './page-acts.ts'
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
  history: inEnvironment(
    byDefault('as --data', text('DIR', 'folder of the history of its page, which outlives a restart')),
  ),
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
    const { data, record, advertise, durability, groups, history, 'ttl-max': ttlMaxMs } = values
    const { 'init-if-none': initIfNone } = values
    const log = startLog(values['log-level'])
    const shared = sharedOptions(values, log)
    // B8: whoever started this process may have started the others, too.
    const play = values.play && process.send !== undefined ? signalByParent() : values.play
    const given = {
      ...shared,
      data,
      record,
      advertise,
      initIfNone,
      durability,
      groups,
      ttlMaxMs,
      history,
      play,
    }
    return await serve(() => start(given, values), log)
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

async function start(
  given: Omit<ViewServerOptions, 'onFatal' | 'acts'>,
  tls: Readonly<Record<string, unknown>>,
): Promise<Served> {
  let setEnded: (status: number) => void = () => {}
  const ended = new Promise<number>(resolve => {
    setEnded = resolve
  })
  let address = ''
  const acts = actsBy(() => given.advertise ?? address, tls)
  const server = await startViewServer({ ...given, acts, onFatal: () => setEnded(1) })
  address = server.address
  const end = () => void server.close().then(() => setEnded(0))
  return { url: server.address, ended, end, ...readingAgain(server, given) }
}

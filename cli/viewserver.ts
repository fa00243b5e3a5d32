// `holdfast viewserver`: one view server, until a signal ends it.

import { startViewServer, type ViewServerOptions } from '../viewservice/index.ts'
import { byDefault, type Command, choice, flag, hidden, inEnvironment, oneUrl, text } from './arguments.ts'
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
  data: inEnvironment(text('DIR', 'folder of the view record; made if it is not there')),
  record: inEnvironment(
    hidden(text('URL', 'place of the view record instead: file:DIR, etcd://HOST:PORT[,…]/PREFIX, etcds://…')),
  ),
  advertise: inEnvironment(byDefault('where it listens', oneUrl('URL', 'where other view servers reach it'))),
  durability: inEnvironment(
    byDefault(
      'memory',
      choice('KIND', 'memory, or disk: for a new cluster whose lock servers have --data', ['memory', 'disk']),
    ),
  ),
  'new-cluster': inEnvironment(flag('no lock server of this cluster has run before: start at once')),
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
    const { data, record } = values
    const missing =
      '--data DIR (HOLDFAST_DATA) is missing: the folder that the view record is kept in; or give --record URL'
    const both = '--data and --record both say where the view record lives; give one of them'
    const problem = data === undefined ? record === undefined && missing : record !== undefined && both
    return [...openness(values), ...(problem === false ? [] : [problem])]
  },
  async run({ values }) {
    const { data, record, advertise, durability } = values
    const log = startLog(values['log-level'])
    const shared = sharedOptions(values, log)
    // B8: whoever started this process may have started the others, too.
    const play = values.play && process.send !== undefined ? signalByParent() : values.play
    return await serve(
      () =>
        start({ ...shared, data, record, advertise, durability, newCluster: values['new-cluster'], play }),
      log,
    )
  },
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

// Every planted bug, by the blind spot that it belongs to: the kind of mistake, and where a proof looks away.

import { access } from './access.ts'
import { answers } from './answers.ts'
import { apart } from './apart.ts'
import { asked } from './asked.ts'
import { asking } from './asking.ts'
import { beginning } from './beginning.ts'
import { budget } from './budget.ts'
import { claimed } from './claimed.ts'
import { claims } from './claims.ts'
import { client } from './client.ts'
import { clientGroups } from './client-groups.ts'
import { clocks } from './clocks.ts'
import { command } from './command.ts'
import { atTheDoor } from './door.ts'
import { drivers } from './drivers.ts'
import { durable } from './durable.ts'
import { edge } from './edge.ts'
import { endings } from './endings.ts'
import { etcd } from './etcd.ts'
import { figures } from './figures.ts'
import { frames } from './frames.ts'
import { groups } from './groups.ts'
import { groupsSimulated } from './groups-simulated.ts'
import { handles } from './handles.ts'
import { journalRead } from './journal-read.ts'
import { journalWritten } from './journal-written.ts'
import { journalled } from './journalled.ts'
import { judged } from './judged.ts'
import { kept } from './kept.ts'
import { keys } from './keys.ts'
import { largeSessions } from './large-sessions.ts'
import { leading } from './leading.ts'
import { leases } from './leases.ts'
import { limits } from './limits.ts'
import { locks } from './locks.ts'
import { long } from './long.ts'
import { meanwhile } from './meanwhile.ts'
import { memory } from './memory.ts'
import { moves } from './moves.ts'
import { movesSimulated } from './moves-simulated.ts'
import type { Mutant } from './mutant.ts'
import { nearest } from './nearest.ts'
import { order } from './order.ts'
import { page } from './page.ts'
import { program } from './program.ts'
import { quotas } from './quotas.ts'
import { readers } from './readers.ts'
import { replication } from './replication.ts'
import { runsAtOnce } from './runs.ts'
import { sessions } from './sessions.ts'
import { signals } from './signals.ts'
import { signed } from './signed.ts'
import { standby } from './standby.ts'
import { standing } from './standing.ts'
import { surface } from './surface.ts'
import { takeovers } from './takeovers.ts'
import { tls } from './tls.ts'
import { tracing } from './tracing.ts'
import { twice } from './twice.ts'
import { views } from './views.ts'

export const blindSpots: Readonly<Record<string, readonly Mutant[]>> = {
  views: [...views, ...groups],
  'slots that move': [...moves, ...movesSimulated],
  'copies and answers': replication,
  'clocks and leases': [...leases, ...clocks],
  order: [...locks, ...order],
  'requests and replies': [...sessions, ...client],
  'values in answers': [...judged, ...answers],
  claims: [...claims, ...claimed],
  'limits and budgets': [...budget, ...quotas, ...readers, ...limits, ...largeSessions],
  twice,
  'standing still in a fault': [...standing, ...meanwhile],
  'memory and long lives': [...memory, ...long],
  drivers: [...drivers, ...endings, ...etcd, ...standby, ...takeovers],
  'what travels': frames,
  'runs at once': runsAtOnce,
  'surface of the client': [...surface, ...program, ...asked, ...handles, ...leading, ...signals, ...tracing],
  'pages and metrics': [...figures, ...page],
  'the command': command,
  'loss of power': [...durable, ...kept, ...journalled, ...journalRead, ...journalWritten],
  'hostile peers': [...edge, ...asking, ...keys, ...tls, ...access, ...signed, ...atTheDoor],
  'nearest reads': nearest,
  'a client of several groups': clientGroups,
  'several groups in stories': groupsSimulated,
  'disk, minutes, moments': apart,
  'how a cluster begins, and is adopted': beginning,
}

export const mutants: readonly Mutant[] = Object.values(blindSpots).flat()

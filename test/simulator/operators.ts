// Operators who look and ask: the status of the view server, over the wire and as its pages have it, and
// resets that can't go through. What they are told is judged by what is on the disk and who lives.

import { partOf } from '../../viewservice/record.ts'
import type { RunningViewServer } from '../../viewservice/running.ts'
import type { GroupStatus, Message, Status, View } from '../../wire/messages.ts'
import { samplesOf } from '../../wire/net/refusals.ts'
import { type Cluster, HandParty } from '../fixtures/cluster.ts'
import type { Random } from '../fixtures/random.ts'
import type { Trace } from './trace.ts'
import type { Verdict } from './verdict.ts'

const staysMs = 3_000
/** No story comes so far. */
const farAhead = 1_000

export class Operators {
  readonly #cluster: Cluster
  readonly #verdict: Verdict
  readonly #trace: Trace
  #operators = 0

  constructor(cluster: Cluster, verdict: Verdict, trace: Trace) {
    this.#cluster = cluster
    this.#verdict = verdict
    this.#trace = trace
  }

  /** As a page is made, within the process; and over the wire. */
  look(dice: Random): void {
    const { viewServer } = this.#cluster
    if (!viewServer.alive || viewServer.frozen) return
    // Of several, one that has decided for a while; seats.ts asks the others.
    if (viewServer.shared !== null && !(this.#cluster.network.time - viewServer.decidesSince > 500)) return
    const { running } = viewServer
    const status = running.status()
    this.#trace.tell(() => `an operator looks: ${JSON.stringify(status.view)}, ${status.halted ?? 'well'}`)
    if (viewServer.misled) return this.#judgeMisled(status)
    this.#judge(status)
    this.#judgePage(running, status)
    const operator = this.#operator()
    // V6: what is on its disk it tells once it has heard so.
    const [number, viewBefore] = [dice.below(1_000), status.view?.number ?? 0]
    operator.dial(viewServer.address).say(['status', number], ['echo', number])
    operator.after(staysMs - 10, () => this.#judgeAnswers(operator.heard, number, viewBefore))
  }

  /** Of a view to come, twice, or given up at once: none of it may end the state. */
  resetWrongly(dice: Random): void {
    const { viewServer } = this.#cluster
    const operator = this.#operator()
    const view = this.#viewNumber
    const { group } = this.#cluster
    const ahead: Message = ['reset', 1, group, view + farAhead, dice.chance(0.5)]
    const asked = dice.pick<readonly Message[]>([
      [ahead],
      [ahead, ['reset', 2, group, view + farAhead, true]],
      [['reset', 1, group, Math.max(0, view - 1), view > 0 && dice.chance(0.5)]],
      [['reset', 1, group, view, false]],
    ])
    this.#trace.tell(() => `${operator.name} asks wrongly: ${JSON.stringify(asked)}`)
    operator.dial(viewServer.address).say(...asked)
    if (dice.chance(0.3)) operator.after(dice.next() * 10, () => operator.kill())
    operator.after(staysMs - 10, () => {
      for (const message of operator.heard)
        if (message[0] === 'reset-done' && (message[2] as View).number < view)
          this.#blame(`a reset of view ${view - 1} ends with view ${(message[2] as View).number}`)
    })
  }

  #operator(): HandParty {
    const operator = new HandParty(this.#cluster, `onlooker ${++this.#operators}`)
    this.#cluster.network.after(staysMs, () => operator.kill())
    return operator
  }

  get #viewNumber(): number {
    return this.#cluster.view?.number ?? 0
  }

  /** V6: it tells what is on its disk; the newest record may be there before it has heard so. */
  #judge(status: Status): void {
    const { cluster, groups, map, servers, survives, halted } = status
    const { disk } = this.#cluster.viewServer
    if (cluster !== (disk.at(-1)?.cluster ?? this.#cluster.viewServer.cluster))
      this.#blame(`the status is of cluster ${cluster}`)
    const parts = groups.map(group => this.#judgeGroup(group, status))
    const named = parts.flat().filter(server => server !== undefined)
    if (servers.length - named.length !== servers.filter(isIdle).length)
      this.#blame('the status shows one role twice')
    // G8: what has no slots is nothing to lose.
    const all = groups.every(
      ({ group, acked }, i) =>
        group >= (map?.groups ?? 1) || (acked && parts[i]?.every(server => server?.alive === true)),
    )
    if (survives !== (all && halted === null ? 1 : 0))
      this.#blame(`the status says that it survives ${survives}`)
  }

  /** Primary and backup of one group, as they are shown. */
  #judgeGroup({ group, view, acked, lost }: GroupStatus, { groups, servers, halted }: Status) {
    const { disk } = this.#cluster.viewServer
    const known = [null, ...disk].slice(-2).some(record => {
      const part = partOf(record, group)
      return JSON.stringify(part?.view ?? null) === JSON.stringify(view) && (part?.acked ?? false) === acked
    })
    if (!known && disk.length > 0)
      this.#blame(`the status has view ${view?.number}, which is not on the disk`)
    const roleOf = (id: string | undefined) => servers.find(server => server.id === id)
    const [primary, backup] = [roleOf(view?.primary.id), roleOf(view?.backup?.id)]
    if (view !== null && primary?.role !== 'primary') this.#blame('the status does not show the primary')
    if (view?.backup && (backup?.role !== 'backup' || backup.inSync !== acked))
      this.#blame('the status does not show the backup as it is')
    const said = groups.length === 1 ? halted : lost
    if (said !== null && primary?.alive) this.#blame(`the status says of a living primary: ${said}`)
    return [primary, backup]
  }

  /** Started with a wrong record; it may have found out by now. */
  #judgeMisled({ survives, halted }: Status): void {
    if (halted?.includes('another view server decides') && survives > 0)
      this.#blame(`the status is halted, and survives ${survives}`)
  }

  #judgePage(running: RunningViewServer, { view, groups, map, servers, halted }: Status): void {
    const { unready, clients } = running.core
    const lives = (id: string | undefined) => servers.some(server => server.id === id && server.alive)
    const serving = groups.filter(({ group }) => group < (map?.groups ?? 1))
    const ready = serving.every(group => lives(group.view?.primary.id))
    if (halted === null && (unready === null) !== ready) this.#blame(`it says ${unready}`)
    if (running.connections < clients) this.#blame(`${running.connections} connections of ${clients} clients`)
    for (const { labels, value } of samplesOf(running.refusals))
      if (!Number.isSafeInteger(value) || value < 0) this.#blame(`${value} refusals of ${labels.code}`)
    const last = running.counts.history.views.at(-1)
    // Others have made views, too; or it is the last one of any group.
    if (this.#cluster.store !== null || this.#cluster.hasSeveral) return
    if (last !== undefined && last.number !== view?.number)
      this.#blame(`its history ends with view ${last.number}, not ${view?.number}`)
  }

  /** There may be none, when it is cut off. */
  #judgeAnswers(heard: readonly Message[], number: number, viewBefore: number): void {
    for (const message of heard) {
      if ((message[0] === 'status' || message[0] === 'echoed') && message[1] !== number)
        this.#blame(`${message[0]} ${message[1]} answers ${number}`)
      const view = message[0] === 'status' ? ((message[2] as Status).view?.number ?? 0) : viewBefore
      if (view < viewBefore || view > this.#viewNumber)
        this.#blame(`a status has view ${view}, asked in view ${viewBefore}`)
    }
  }

  #blame(text: string): void {
    this.#verdict.blame('V6 status', text)
  }
}

function isIdle({ role }: { readonly role: string }): boolean {
  return role === 'idle'
}

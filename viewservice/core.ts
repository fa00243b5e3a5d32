// Decides views: takes what lock servers, operators and ticks bring, and says what to send, dial and save.
// It never awaits, reads a clock, draws a random number, logs or touches a socket. Nothing is decided
// while a record is being saved, and no peer learns what is not saved (V6).

import type { Principal } from '../wire/access/principal.ts'
import type { ConnectionInput } from '../wire/effects.ts'
import type { ErrorCode } from '../wire/errors.ts'
import { asksPerTurnMax, ttlMsDefault } from '../wire/limits.ts'
import type { Durability, MessageOf, Ping, Status, View } from '../wire/messages.ts'
import { Changing } from './changing.ts'
import { changeOf, type Evidence, type ViewCounts } from './counts.ts'
import type { Readiness } from './durability.ts'
import { knowsCluster, stoppedText } from './founding.ts'
import { ViewOutbox } from './outbox.ts'
import { type Finding, Probes } from './probes.ts'
import { type Answer, Question } from './question.ts'
import {
  durabilityOf,
  type Founding,
  isFounding,
  recordFrom,
  type StoredRecord,
  type ViewEffect,
  type ViewHears,
  type ViewInput,
  type ViewRecord,
  viewedIn,
} from './record.ts'
import { Recoveries } from './recoveries.ts'
import { choiceOf, isRecovery, namedIn, recoveryView, toldToAll } from './recovery.ts'
import { Resets } from './reset.ts'
import { type Question as Asked, auditOf, isQuestion, type Peer, refusalOf } from './rights.ts'
import { addressTaken, isDialable, type KnownServer, type LockServerHello, Servers } from './servers.ts'
import { lossOf, statusOf, unready } from './status.ts'
import { Verifying } from './verifying.ts'
import { type Circumstances, firstView, nextView, stepProblem } from './view.ts'
import { type Welcoming, welcomeOf } from './welcome.ts'

/** The view server that this core decides for (E3). */
export interface ViewStanding extends Welcoming {
  /** Numbers of dialled connections count down from here, over all its terms. */
  readonly dials: { last: number }
}

export interface ViewCoreOptions {
  readonly pingIntervalMs: number
  readonly deadPings: number
  /** What the store holds. */
  readonly record: StoredRecord
  /** D4: for how long it waits for the other servers of the choice. */
  readonly recoveryPatienceMs: number
  readonly pid: number
  readonly host: string
  /** Whose term it is; if absent, there are no others. */
  readonly standing?: ViewStanding
  /** Where this core counts what it does; if absent, it counts nothing. */
  readonly counts?: ViewCounts
}

/** L2: the record may lag behind the highest token by 2^31; half of it leaves room for a slow save. */
const tokenLagMax = 2 ** 30
/** Tokens begin with the microseconds of the wall clock, which come to this in the year 2112. */
const tokensInTime = 2 ** 52
/** How often a lost server's address is dialled again at once after a cut dial; after that, each tick. */
const cutsMax = 5

export class ViewCore {
  readonly #options: ViewCoreOptions
  readonly #out: ViewOutbox
  readonly #servers: Servers
  readonly #probes: Probes
  readonly #verifying: Verifying
  readonly #question: Question
  readonly #resets: Resets
  readonly #recoveries: Recoveries
  readonly #changing: Changing
  /** With whose rules apply to them (A2); null: none do. */
  readonly #clients = new Map<number, Peer>()
  /** What each client has asked in this turn (F13). */
  readonly #asks = new Map<number, number>()
  /** Durable; peers learn nothing beyond it. */
  #record: ViewRecord | null
  /** V6: the record on its way to the disk; one at a time. */
  #saving: ViewRecord | null = null
  /** V6: why view changes are halted. */
  #halted: string | null = null
  #ticks = 0
  /** The monotonic time of this step. */
  #now = 0
  #lossNoted = false
  #highestToken: number
  #longestTtlMs: number

  constructor(options: ViewCoreOptions) {
    this.#options = options
    this.#out = new ViewOutbox(options.counts)
    this.#servers = new Servers(options.deadPings, options.pingIntervalMs)
    this.#probes = new Probes(this.#out, options.deadPings, options.standing?.dials)
    this.#verifying = new Verifying(this.#servers, this.#probes)
    this.#question = new Question(this.#out)
    this.#resets = new Resets(this.#out, this.#probes, this.#servers)
    this.#recoveries = new Recoveries(this.#servers, this.#probes, options)
    this.#changing = new Changing(this.#out)
    this.#record = viewedIn(options.record)
    if (this.#record !== null) this.#servers.name(namedIn(this.#record))
    this.#highestToken = this.#record?.highestToken ?? 0
    this.#longestTtlMs = this.#record?.longestTtlMs ?? ttlMsDefault
  }

  step(input: ViewInput, now: { readonly monotonic: number }): ViewEffect[] {
    this.#now = now.monotonic
    this.#take(input)
    // After a freeze, stale pings are read first. Decide only at the end of the turn, when a later ping may
    // have overruled them.
    if (input.is === 'tick' || input.is === 'turn-end') this.#decide()
    return this.#out.take()
  }

  // ---- what may be read from outside

  get record(): ViewRecord | null {
    return this.#record
  }

  /** Why there is no primary to work with; null when there is one. */
  get unready(): string | null {
    return this.#halted ?? unready(this.#record, this.#servers)
  }

  /** V6: why it makes no view any more, whatever happens. */
  get halted(): string | null {
    return this.#halted
  }

  status(now: { readonly monotonic: number }): Status {
    const recovery = this.#record === null ? null : this.#recoveries.status(this.#record, this.#question)
    const { pid } = this.#options
    const status = statusOf(this.#record, this.#servers, recovery, this.#halted, pid, now.monotonic)
    return { ...status, cluster: this.#clusterId }
  }

  get clients(): number {
    return this.#clients.size
  }

  // ---- inputs

  #take(input: ViewInput): void {
    switch (input.is) {
      case 'accepted':
        return this.#onAccepted(input)
      case 'messages':
        return this.#onMessages(input.connection, input.messages)
      case 'closed':
        return this.#onClosed(input)
      case 'waits':
        return
      case 'rights changed':
        return this.#onRights(input.connection, input.principal)
      case 'tick':
        return this.#onTick()
      case 'saved':
        return this.#onSaved()
      case 'begin':
        return this.#probeNamed()
      case 'turn-end':
        return this.#asks.clear()
    }
  }

  #onAccepted(input: Extract<ConnectionInput, { is: 'accepted' }>): void {
    const { connection, cluster, from, principal, remote } = input
    if (from.kind === 'lockserver') this.#onLockServer(connection, cluster, from)
    else if (from.kind === 'client' || from.kind === 'viewserver')
      this.#onClient(connection, cluster, { principal, remote })
    else this.#out.close(connection, 'UNEXPECTED_MESSAGE', `a view server takes no ${from.kind}`)
  }

  #onClient(connection: number, cluster: string | null, peer: Peer): void {
    const stranger = this.#otherCluster(cluster)
    if (stranger !== undefined) return this.#out.close(connection, 'WRONG_CLUSTER', stranger)
    this.#clients.set(connection, peer)
    this.#welcome(connection)
  }

  #onLockServer(connection: number, cluster: string | null, hello: LockServerHello): void {
    const refusal = this.#refusal(cluster, hello)
    if (refusal !== undefined) return this.#turnAway(connection, hello, ...refusal)
    if (!this.#makeRoom(connection, hello)) return
    const before = this.#servers.connect(hello, connection, this.#now)
    if (before !== null) this.#out.close(before, 'REPLACED', 'a newer connection of the same server')
    // The server is connected again, so there is no need to ask whether its process is gone.
    this.#probes.cancel('lost', hello.id)
    this.#welcome(connection)
    const server = this.#servers.get(hello.id) as KnownServer
    this.#out.note('debug', 'lock server connected', { peer: server.id, address: server.address })
    if (!server.counts) this.#verifying.next(this.#clusterId)
  }

  /** B3: limits the lock servers that do not count yet. */
  #makeRoom(connection: number, hello: LockServerHello): boolean {
    const last = this.#verifying.roomFor(hello.id)
    if (last === null) return true
    const text = 'too many lock servers do not answer at their addresses'
    if (last === undefined) this.#turnAway(connection, hello, 'TOO_MANY_CONNECTIONS', text)
    else this.#expel(last, 'TOO_MANY_CONNECTIONS', text)
    return last !== undefined
  }

  #onMessages(connection: number, messages: readonly MessageOf<ViewHears>[]): void {
    const finding = this.#probes.heard(connection, messages[0])
    if (finding !== undefined) return this.#onFinding(finding)
    for (const message of messages) {
      if (message[0] === 'ping' || message[0] === 'answer') this.#onServerMessage(connection, message)
      else this.#onClientMessage(connection, message)
    }
  }

  #onServerMessage(connection: number, message: MessageOf<'serverToView'>): void {
    const server = this.#servers.on(connection)
    if (server === undefined) return // a message before it has closed the connection
    if (message[0] === 'ping') this.#onPing(server, message[1])
    else this.#onAnswer(server, message[1], message[2])
  }

  #onClientMessage(connection: number, message: MessageOf<ViewHears>): void {
    const client = this.#clients.get(connection)
    if (client === undefined) return // a message before it has closed the connection
    if (message[0] !== 'echo' && this.#asksTooMuch(connection)) return
    if (isQuestion(message) && !this.#mayAsk(connection, client, message)) return
    switch (message[0]) {
      case 'status': {
        const status = this.status({ monotonic: this.#now })
        return this.#out.send(connection, ['status', message[1], status])
      }
      case 'reset':
        return this.#onReset(connection, message[1], message[2], message[3])
      case 'gone':
        return this.#onGone(connection, message[1], message[2])
      case 'durability':
        return this.#changing.ask(connection, message[1], message[2], this.#cannotBegin)
      case 'echo':
        return this.#out.send(connection, ['echoed', message[1]])
    }
  }

  /** A2, A7 */
  #mayAsk(connection: number, client: Peer, question: Asked): boolean {
    const refusal = refusalOf(client, question)
    const line = auditOf(client, question, refusal === null)
    if (line !== null) this.#out.note(line.level, line.text, line.fields)
    if (refusal !== null) this.#out.send(connection, refusal)
    return refusal === null
  }

  /** A3. Null: its token was taken away. */
  #onRights(connection: number, principal: Principal | null): void {
    const client = this.#clients.get(connection)
    if (client === undefined) return
    if (principal !== null) return void this.#clients.set(connection, { ...client, principal })
    this.#clients.delete(connection)
    this.#resets.drop(connection)
    this.#out.close(connection, 'TOKEN_ENDED', 'the access token of this connection was taken away')
  }

  /** F13: limits questions, since a status is a hundred times as long as the question for it. */
  #asksTooMuch(connection: number): boolean {
    const asks = (this.#asks.get(connection) ?? 0) + 1
    this.#asks.set(connection, asks)
    if (asks <= asksPerTurnMax) return false
    this.#clients.delete(connection)
    this.#dropAsks(connection)
    this.#out.close(connection, 'UNEXPECTED_MESSAGE', `more than ${asksPerTurnMax} questions at a time`)
    return true
  }

  /** The reset goes on in #decide, when no save is under way. */
  #onReset(connection: number, number: number, view: number, force: boolean): void {
    this.#resets.ask({ connection, number, view, force, stage: 'asked' }, this.#cannotBegin)
  }

  /** Why what an operator asks for can't be begun. */
  get #cannotBegin(): string | null {
    return this.#halted ?? (this.#record === null ? 'there is no view yet' : null)
  }

  #dropAsks(connection: number): void {
    this.#resets.drop(connection)
    this.#changing.drop(connection)
  }

  /** D4: an operator's word. A server that is heard is there, whatever an operator says. */
  #onGone(connection: number, number: number, id: string): void {
    const [said, text] = this.#recoveries.said(this.#record, id)
    this.#out.send(connection, [said ? 'gone-noted' : 'gone-refused', number, text])
    if (said) this.#out.note('warn', 'an operator says that a server is gone', { peer: id })
  }

  #onPing(server: KnownServer, ping: Ping): void {
    if (this.#isFuture(ping.view)) {
      const connection = server.connection as number
      this.#servers.disconnect(server)
      // V6: from a server that does not count yet this is hearsay; its next hello names its cluster.
      const text = server.counts ? this.#haltByFuture(server, ping.view) : hearsay(ping.view)
      return this.#turnAway(connection, server, 'VIEW_FROM_FUTURE', text)
    }
    this.#servers.heard(server, ping, this.#now)
    // V3: a primary that is heard before the answer is alive again.
    if (this.#isPrimary(server.id)) {
      if (!ping.leaving && !ping.low) this.#question.withdraw()
      this.#out.counts?.history.entered(ping.view, this.#now)
    }
    if (server.counts && this.#isNamed(server.id)) this.#believe(ping)
    const { view, acked } = this.#toldTo(server.id)
    const longestTtlMs = this.#record?.longestTtlMs ?? ttlMsDefault
    this.#out.send(server.connection as number, ['pong', view, acked, longestTtlMs, this.#standing.mark])
  }

  /**
   * L2: takes note of the tokens and leases that a primary granted. Only the view's own servers may report
   * them. Once the tokens are used up no reset is possible any more, so one ping raises the token only a
   * little beyond what time and record allow.
   */
  #believe({ token, ttlMs }: Ping): void {
    const known = Math.max(tokensInTime, (this.#record as ViewRecord).highestToken)
    this.#highestToken = Math.max(this.#highestToken, Math.min(token, known + tokenLagMax))
    this.#longestTtlMs = Math.max(this.#longestTtlMs, Math.min(ttlMs, this.#options.record.ttlMaxMs))
  }

  #onAnswer(server: KnownServer, number: number, answer: Answer): void {
    if (!this.#question.answered(server.id, number, answer)) return
    if (!answer.inSync && this.#record?.acked)
      this.#out.note('error', 'the backup of an acked view says that it is not in sync', { peer: server.id })
  }

  #onClosed({ connection, refused, trouble }: Extract<ViewInput, { is: 'closed' }>): void {
    const finding = this.#probes.closed(connection, refused, trouble ?? null)
    if (finding !== undefined) return this.#onFinding(finding)
    if (this.#clients.delete(connection)) return this.#dropAsks(connection)
    const server = this.#servers.on(connection)
    if (server === undefined) return
    this.#servers.disconnect(server)
    server.closedAt = this.#now
    // A closed connection is only a suspicion; a refused dial shows that the process is gone.
    if (server.counts) this.#probes.start('lost', server, this.#clusterId)
    else this.#probes.cancel('verify', server.id)
  }

  #onTick(): void {
    this.#ticks += 1
    this.#verifying.tick()
    for (const server of this.#servers.tick(this.#now)) {
      // A server that is known to be gone has been counted as dead already.
      if (!server.counts || server.refused) continue
      this.#countDeath('missed_pings')
      this.#out.note('warn', 'lock server has missed its pings', { peer: server.id, address: server.address })
    }
    for (const finding of this.#probes.tick()) this.#onFinding(finding)
    this.#question.repeat()
    this.#probeAgain()
    if (this.#record !== null) this.#recoveries.tick(this.#record, this.#question)
    const named = this.#record === null ? [] : namedIn(this.#record)
    for (const server of this.#servers.forgettable(named, this.#now)) {
      if (server.connection !== null) this.#out.close(server.connection, 'GONE_QUIET', 'no ping for too long')
      this.#servers.forget(server)
    }
  }

  #onSaved(): void {
    const record = this.#saving
    if (record === null) throw new Error('V6: saved, but nothing was being saved')
    const before = this.#record
    this.#record = record
    this.#saving = null
    this.#changing.saved(record)
    if (before?.view.number !== record.view.number) {
      this.#announce(before?.view ?? null, record.view)
    } else if (record.acked && !before.acked) this.#onAcked(record.view)
  }

  #onAcked(view: View): void {
    const { primary, backup } = view
    // D5: from now on all may hear of it.
    if (isRecovery(view)) this.#tellAll()
    if (this.#out.counts !== undefined) this.#out.counts.acks++
    this.#out.counts?.history.acked(this.#viewNumber, this.#now)
    this.#out.note('info', 'view acked', { primary: primary.address, backup: backup?.address ?? null })
  }

  #countDeath(evidence: Evidence): void {
    if (this.#out.counts !== undefined) this.#out.counts.deaths[evidence]++
  }

  #announce(before: View | null, view: View): void {
    const { primary, backup } = view
    const change = changeOf(before, view)
    if (this.#out.counts !== undefined) this.#out.counts.views[change]++
    this.#out.counts?.history.made(view, change, this.#silentSince(before, view), this.#now)
    const fields = { change, primary: primary.address, backup: backup?.address ?? null }
    this.#out.note(isRecovery(view) ? 'warn' : 'info', 'new view', fields)
    this.#lossNoted = false
    if (isRecovery(view)) this.#tell(this.#servers.named(primary.id))
    else this.#tellAll()
    this.#resets.made(view)
  }

  #tellAll(): void {
    for (const server of this.#servers.all()) this.#tell(server)
    const { view } = this.#toldTo(null)
    if (view !== null)
      for (const connection of this.#clients.keys()) this.#out.send(connection, ['view', view])
  }

  #tell({ id, connection }: KnownServer): void {
    const { view, acked } = this.#toldTo(id)
    if (connection !== null && view !== null) this.#out.send(connection, ['view', view, acked])
  }

  /** D5: an unacked recovery view is told to its primary alone; null: to a client. */
  #toldTo(id: string | null): { readonly view: View | null; readonly acked: boolean } {
    // E6: of a new cluster that was stopped no server learns.
    if (this.#record === null || (this.#isNew && this.#halted !== null)) return { view: null, acked: false }
    return this.#isPrimary(id) ? this.#record : toldToAll(this.#record)
  }

  /** When the server that the new view leaves out was last heard, if this view server knows. */
  #silentSince(before: View | null, { primary, backup }: View): number | null {
    const left = [before?.primary, before?.backup].find(
      server => server && server.id !== primary.id && server.id !== backup?.id,
    )
    const server = left && this.#servers.get(left.id)
    return server ? (server.closedAt ?? server.heardAt) : null
  }

  // ---- which servers count, which are gone

  #onFinding({ probe, outcome }: Finding): void {
    if (probe.purpose === 'reset') return this.#resets.found({ probe, outcome })
    const server = this.#servers.get(probe.server.id)
    if (server === undefined) return
    if (probe.purpose === 'verify') {
      this.#onVerifyFinding(server, outcome)
      return this.#verifying.next(this.#clusterId)
    }
    if (outcome.is === 'refused') {
      if (!this.#servers.isDead(server)) this.#countDeath('refused')
      server.refused = true
      this.#out.note('warn', 'lock server is gone', { peer: server.id, address: server.address })
    } else if (outcome.is === 'answered' && outcome.id !== server.id) {
      this.#servers.replace(server)
      this.#countDeath('replaced')
      this.#out.note('warn', 'lock server was replaced', { peer: server.id, by: outcome.id })
    } else if (outcome.is === 'cut' && ++server.cuts < cutsMax) {
      // A kill may close the connection just before the listening socket; a moment later the address refuses.
      this.#probes.start('lost', server, this.#clusterId)
    }
  }

  /** V5: a server counts once its advertised address has answered with its very id. */
  #onVerifyFinding(server: KnownServer, outcome: Finding['outcome']): void {
    const holder = this.#servers.holder(server)
    if (holder !== undefined) return this.#expel(server, 'ADDRESS_TAKEN', addressTaken(holder))
    if (outcome.is !== 'answered' || outcome.id !== server.id) return this.#noteUnverified(server, outcome)
    this.#verifying.answered()
    for (const other of this.#servers.verify(server))
      this.#expel(other, 'ADDRESS_TAKEN', `server ${server.id} has taken over ${server.address}`)
    this.#out.note('info', 'lock server verified', { peer: server.id, address: server.address })
  }

  #expel(server: KnownServer, code: ErrorCode, text: string): void {
    const { connection } = server
    this.#servers.disconnect(server)
    if (connection !== null) this.#turnAway(connection, server, code, text)
  }

  #noteUnverified(server: KnownServer, outcome: Finding['outcome']): void {
    if (server.noted) return
    server.noted = true
    this.#out.note('warn', 'lock server does not answer at its advertised address', {
      peer: server.id,
      address: server.address,
      found: outcome.is === 'answered' ? outcome.id : outcome.is,
      reason: reasonOf(outcome),
    })
  }

  /** Asks again whether a lost server is gone (each tick) and whether a new one counts (ever more rarely). */
  #probeAgain(): void {
    this.#verifying.next(this.#clusterId)
    for (const server of this.#servers.all()) {
      const { counts, connection } = server
      const suspect = counts && connection === null && server.ping !== null && !this.#servers.isDead(server)
      if (suspect) this.#probes.start('lost', server, this.#clusterId)
    }
  }

  /** E4: whom the record names and nobody has heard: a refusal is a death as ever. */
  #probeNamed(): void {
    for (const { id } of this.#record === null ? [] : namedIn(this.#record)) {
      const server = this.#servers.named(id)
      if (server.connection === null) this.#probes.start('lost', server, this.#clusterId)
    }
  }

  #refusal(cluster: string | null, hello: LockServerHello): [ErrorCode, string] | undefined {
    const stranger = this.#otherCluster(cluster)
    if (stranger !== undefined)
      return ['WRONG_CLUSTER', this.#isNew && knowsCluster(hello) ? this.#stop(hello, cluster) : stranger]
    // V6: another view server has decided views that this record does not hold. A server that knows a view
    // knows its cluster.
    if (this.#isFuture(hello.view) || (this.#record === null && knowsCluster(hello)))
      return [
        'VIEW_FROM_FUTURE',
        cluster === null ? hearsay(hello.view) : this.#haltByFuture(hello, hello.view),
      ]
    if (this.#durability === 'disk' && !hello.journal)
      return ['NO_JOURNAL', 'this cluster keeps its state on disk; start this lock server with --data FOLDER']
    if (!isDialable(hello.address))
      return ['BAD_MESSAGE', `the address ${JSON.stringify(hello.address)} is not a ws:// or wss:// URL`]
    return this.#servers.refusal(hello)
  }

  /**
   * V6: it is not known here. E2: the view that is being saved may be in the store already, where standbys have
   * read it: the store says whether it is this one.
   */
  #isFuture(view: number): boolean {
    if (view <= this.#viewNumber) return false
    if (view > (this.#saving?.view.number ?? 0)) return true
    this.#out.look()
    return false
  }

  #otherCluster(cluster: string | null): string | undefined {
    if (cluster === null || cluster === this.#clusterId) return undefined
    return `you belong to cluster ${cluster}, this view server to ${this.#clusterId}; check --view`
  }

  #turnAway(
    connection: number,
    server: { id: string; address: string },
    code: ErrorCode,
    text: string,
  ): void {
    this.#out.close(connection, code, text)
    this.#out.note('warn', 'lock server refused', { peer: server.id, address: server.address, code, text })
  }

  #haltByFuture({ id, address }: { id: string; address: string }, view: number): string {
    const { pid, host } = this.#options
    return this.#halt(
      `server ${id} at ${address} knows view ${view}, the view record of this view server (pid ${pid} on ${host}) ends at ${this.#viewNumber}: another view server decides too, or the record is an old one. If it is not the right folder or prefix, restart this view server with the right one; if the record was lost, holdfast adopt rebuilds it`,
    )
  }

  /** E6: a cluster that only seems to be new. */
  #stop(hello: LockServerHello, cluster: string | null): string {
    return this.#halt(stoppedText(hello, cluster ?? 'unknown', this.#clusterId))
  }

  #halt(reason: string): string {
    this.#halted ??= reason
    this.#out.note('error', 'view changes halted', { reason: this.#halted })
    this.#out.look()
    this.#resets.halt(this.#halted)
    this.#changing.fail(this.#halted)
    return this.#halted
  }

  // ---- deciding

  #decide(): void {
    if (this.#saving !== null || this.#halted !== null) return // V6
    const next = this.#record === null ? this.#recordOfView1() : this.#nextRecord(this.#record)
    if (next === undefined) return
    const { highestToken, longestTtlMs } = next
    this.#saving = {
      ...next,
      record: next.record + 1,
      highestToken: Math.max(highestToken, this.#highestToken, next.view.start?.tokenFloor ?? 0),
      longestTtlMs: Math.max(longestTtlMs, this.#longestTtlMs),
    }
    this.#highestToken = this.#saving.highestToken
    this.#out.save(this.#saving)
  }

  /** E6: view 1 is made only after a full ping limit of listening, unless no server has run before. */
  #recordOfView1(): ViewRecord | undefined {
    const founding = this.#founding
    if (founding.pauseMs > 0 && this.#ticks < this.#options.deadPings) return undefined
    const idle = this.#servers.idle(null, [])
    if (idle === null) return undefined
    return recordFrom(founding, this.#checked(firstView(idle, founding.durability, founding.pauseMs)))
  }

  #nextRecord(record: ViewRecord): ViewRecord | undefined {
    this.#keepQuestion(record)
    if (!record.acked && this.#ackHeard(record))
      return { ...record, acked: true, lastAcked: record.view.number }
    const lost = this.#recoveries.lost(record, this.#question)
    const view =
      this.#resets.decided(record, this.#highestToken, this.#recoveries.givenUpBy(record, lost)) ??
      this.#changing.decided(record, this.#highestToken, () => this.#readiness(record)) ??
      nextView(record.view, record.acked, this.#circumstances(record)) ??
      (lost === null ? undefined : recoveryView(record, this.#highestToken, lost))
    if (view !== undefined) return { ...record, view: this.#checked(view), acked: false }
    this.#noteLoss(record)
    const stale = this.#highestToken - record.highestToken > tokenLagMax // L2
    return stale || this.#longestTtlMs > record.longestTtlMs ? record : undefined
  }

  /** A broken invariant ends the process: a dead view server is restarted, a wrong one loses locks. */
  #checked(view: View): View {
    const problem = stepProblem(this.#record, view, this.#question.backupInSync)
    if (problem !== undefined) throw new Error(`broken invariant: ${problem}`)
    return view
  }

  /** V4: the primary says so, or its backup has learned it in this view. */
  #ackHeard({ view }: ViewRecord): boolean {
    const primary = this.#servers.named(view.primary.id).ping
    if (primary?.role === 'primary' && primary.acked && primary.view === view.number) return true
    if (view.backup === null) return false
    const backup = this.#servers.named(view.backup.id).ping
    if (backup?.role === 'backup' && backup.inSync && backup.view === view.number) return true
    return this.#question.backupInSync
  }

  /** V3: asks the backup again each time that the primary is found dead, or wants to go. */
  #keepQuestion({ view }: ViewRecord): void {
    const primary = this.#primaryCondition(view)
    if (view.backup === null || primary === 'well') return this.#question.withdraw()
    this.#question.ask(view.number, primary, this.#servers.named(view.backup.id))
  }

  #circumstances({ view }: ViewRecord): Circumstances {
    const unreachable = this.#unreachable(view)
    return {
      primary: this.#primaryCondition(view),
      primaryHeard: this.#servers.isHeard(this.#servers.named(view.primary.id), this.#now),
      backup: this.#backupCondition(view, unreachable),
      backupAnswered: this.#question.backupInSync,
      idle: this.#servers.idle(view, []),
      idleInReach: this.#servers.idle(view, unreachable),
    }
  }

  /** D11 */
  #readiness({ view }: ViewRecord): Readiness {
    const primary = this.#servers.named(view.primary.id)
    return {
      primaryHeard: this.#servers.isHeard(primary, this.#now) && primary.ping?.role === 'primary',
      primaryLow: primary.ping?.low ?? false,
      withoutJournal: this.#servers.all().filter(server => this.#servers.lives(server) && !server.journal),
    }
  }

  /** D8: a primary whose disk is nearly full wants to go, if its backup has room. */
  #primaryCondition({ primary, backup }: View): Circumstances['primary'] {
    const condition = this.#condition(primary.id)
    if (condition !== 'well' || backup === null || !this.#servers.named(primary.id).ping?.low)
      return condition
    return this.#servers.named(backup.id).ping?.low ? condition : 'leaving'
  }

  #backupCondition({ backup }: View, unreachable: readonly string[]): Circumstances['backup'] {
    if (backup === null) return 'well'
    const condition = this.#condition(backup.id)
    if (condition !== 'well') return condition
    if (unreachable.includes(backup.address)) return 'unreachable'
    return this.#servers.named(backup.id).ping?.low ? 'low' : 'well'
  }

  #condition(id: string): Circumstances['primary'] {
    const server = this.#servers.named(id)
    if (this.#servers.isDead(server)) return 'dead'
    return server.ping?.leaving ? 'leaving' : 'well'
  }

  /** V7: a report counts for its reporter only, so only the primary's own. */
  #unreachable({ primary }: View): readonly string[] {
    const ping = this.#servers.named(primary.id).ping
    return ping?.role === 'primary' ? ping.unreachable : []
  }

  // ---- what peers and logs learn

  #welcome(connection: number): void {
    const { pingIntervalMs, deadPings } = this.#options
    const { view, acked } = this.#toldTo(this.#servers.on(connection)?.id ?? null)
    const told = { cluster: this.#clusterId, view, acked, pingLimitMs: pingIntervalMs * deadPings }
    this.#out.send(connection, welcomeOf(this.#standing, told))
  }

  #noteLoss(record: ViewRecord): void {
    const loss = lossOf(record, this.#servers)
    if (loss !== null && !this.#lossNoted) {
      if (choiceOf(record).durability === 'memory')
        this.#out.note('error', 'the state is lost', { reason: loss })
      else this.#out.note('error', 'the state waits for its recovery', { reason: loss })
    }
    this.#lossNoted = loss !== null
  }

  // ---- small questions

  get #standing(): Welcoming {
    return this.#options.standing ?? { id: null, mark: 0 }
  }

  get #clusterId(): string {
    return this.#options.record.cluster
  }

  get #durability(): Durability {
    return durabilityOf(this.#record ?? this.#options.record)
  }

  /** E6: what the store held when there was no view. */
  get #founding(): Founding {
    const { record } = this.#options
    if (!isFounding(record)) throw new Error('broken invariant: E6: a cluster with a view begins again')
    return record
  }

  /** E6: its first view may still turn out to be one too many. */
  get #isNew(): boolean {
    return this.#record === null || (this.#record.view.number === 1 && !this.#record.acked)
  }

  get #viewNumber(): number {
    return this.#record?.view.number ?? 0
  }

  /** As primary or backup of the view. */
  #isNamed(id: string): boolean {
    return this.#isPrimary(id) || this.#record?.view.backup?.id === id
  }

  #isPrimary(id: string | null): boolean {
    return this.#record?.view.primary.id === id
  }
}

/** What is wrong with the address that a server advertises, for the log. */
function reasonOf(outcome: Finding['outcome']): string {
  switch (outcome.is) {
    case 'answered':
      return 'another server is there; is --advertise right?'
    case 'refused':
      return 'refuses connections'
    case 'cut':
      return outcome.trouble?.text ?? 'ended the connection'
    case 'no news':
      return 'no lock server of this cluster has answered there in time'
  }
}

function hearsay(view: number): string {
  return `this server reports view ${view} but hasn't shown that it belongs to this cluster; send the cluster id in the hello and retry`
}

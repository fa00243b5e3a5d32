// One cluster and its clients through all rounds of an era: the power goes, the machines come back, and what clients were
// told is compared with what the servers say. What is wrong is noted; only what can't go on is thrown.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Crowd } from '../../bench/scale/crowd.ts'
import { type Listing, listLocks } from '../../cli/locks.ts'
import { type Event, now } from '../faults/history.ts'
import { judge } from '../faults/replay.ts'
import { until } from '../fixtures/deadline.ts'
import { pause } from '../fixtures/real-pause.ts'
import { Scrape } from '../fixtures/scrape.ts'
import { Disks } from './disks.ts'
import { Ledger } from './ledger.ts'
import { type PowerMachine, PowerMachines } from './machines.ts'
import { recovering, snapshotBegun, unfinishedIn } from './moments.ts'
import { afterTheOther, type Era, type Lack, type Round } from './plan.ts'
import type { Settings } from './server-settings.ts'
import { PowerUsers, WrittenHistories } from './users.ts'

export interface Felt {
  readonly lacks: Lack['what'] | null
  /** From the last start before it to the first grant; null: the power went again before. */
  readonly nextGrantMs: number | null
  readonly duringSnapshot: boolean
}

/** Longer than any round takes. */
const ttlMs = 300_000
const load = { count: 4, sharedCalls: 3, sharedNames: 12 }
const prefixes = ['own/', 'shared/', 'kept/', 'barrier/']
/** Rounds after which histories are judged, before they are long. */
const roundsJudged = 5
/** Grants of its own lock that show that a user is served. */
const enough = 10
const small = {
  firstSegmentBytes: 1_048_576,
  segmentBytes: 1_048_576,
  payloadBytes: 65_536,
  reserveBytes: 16_777_216,
}

function settingsOf({ locks, lying }: Era, lie: string): Settings {
  const lyingFile = lying ? lie : ''
  if (locks >= 1_000_000) return { sizes: {}, lyingFile }
  // Without snapshots the end of the log is all that can be lost.
  if (lying) return { sizes: { reserveBytes: small.reserveBytes }, lyingFile }
  return { sizes: { ...small, snapshotLogBytes: locks === 0 ? 65_536 : 262_144 }, lyingFile }
}

export class EraRun {
  readonly violations: string[] = []
  readonly felt: Felt[] = []
  readonly #era: Era
  readonly #folder: string
  readonly #withinMs: number
  readonly #ledger = new Ledger()
  readonly #histories: WrittenHistories
  #machines: PowerMachines | undefined
  #disks: Disks | null = null
  #crowd: Crowd | null = null
  #users: PowerUsers | undefined
  #roles: { primary: PowerMachine; backup: PowerMachine } | undefined
  /** Since they were judged last. */
  #events: Event[] = []
  #judgedRounds = 0
  /** What the losses of power before have left unfinished. */
  #leftOver: ReadonlySet<string> = new Set()
  /** By user and call, and by token: what is kept for longer than from one verdict to the next. */
  readonly #keptCalls = new Set<string>()
  readonly #keptTokens = new Set<number>()

  constructor(era: Era, folder: string) {
    this.#era = era
    this.#folder = folder
    this.#withinMs = era.lying ? 20_000 : 90_000
    mkdirSync(join(folder, 'histories'), { recursive: true })
    this.#histories = new WrittenHistories(join(folder, 'histories'))
  }

  /** From when on syncs lie, in an era in which they do. */
  get #lyingFile(): string {
    return join(this.#folder, 'syncs-lie')
  }

  get grants(): number {
    return this.#ledger.grants
  }

  /** Resolves when all locks are held and the users work. */
  async begin(): Promise<void> {
    const { locks, on } = this.#era
    if (on === 'ext4') this.#disks = new Disks(this.#folder, ['view', 'lock-1', 'lock-2', 'lock-3'])
    const machines = await PowerMachines.at(this.#folder, settingsOf(this.#era, this.#lyingFile))
    this.#machines = machines
    await machines.startNew()
    await machines.whole(this.#withinMs)
    if (locks > 0) {
      this.#crowd = new Crowd(machines.urls.join(','), ttlMs)
      await this.#crowd.grow({ sessions: 10, locks })
    }
    const historyFolder = join(this.#folder, 'histories')
    const { count, ...calls } = load
    const options = { urls: machines.urls, historyFolder, ttlMs, ...calls }
    this.#users = await PowerUsers.start(count, options, this.#withinMs)
    await this.#all({ ask: 'work' })
  }

  /** `next`: what comes then; it may not wait for the service. */
  async play(round: Round, next: Round | undefined): Promise<Felt> {
    const duringSnapshot = await this.#losePower(round)
    const startedAt = await this.#comeBack(round)
    const lacks = round.lacks?.what ?? null
    const felt =
      next !== undefined && afterTheOther(next)
        ? { lacks, nextGrantMs: null, duringSnapshot }
        : { lacks, nextGrantMs: await this.#serves(startedAt), duringSnapshot }
    this.felt.push(felt)
    if (felt.nextGrantMs !== null) await this.#verdict(next === undefined)
    this.#note(this.#its.machines.takeTroubles())
    return felt
  }

  async end(): Promise<void> {
    await this.#users?.end()
    await this.#crowd?.[Symbol.asyncDispose]()
    await Promise.all(this.#machines?.all.map(machine => machine.kill()) ?? [])
    this.#disks?.unmount()
  }

  // ---- the power goes

  /** Whether a snapshot was being written then. */
  async #losePower(round: Round): Promise<boolean> {
    const { machines } = this.#its
    await this.#momentOf(round)
    if (this.#disks !== null) stopDisks(this.#disks, machines.all, round.disksFirst)
    const first = round.number % machines.all.length
    const inTurn = [...machines.all.slice(first), ...machines.all.slice(0, first)]
    const frozen = this.#lacking(round, 'frozen')
    frozen?.signal('SIGSTOP')
    await Promise.all(inTurn.map(machine => machine !== frozen && machine.kill()))
    const unfinished = machines.locks.flatMap(({ folder }) => unfinishedIn(folder))
    const wasWriting = unfinished.some(path => !this.#leftOver.has(path)) || round.moment.is === 'snapshot'
    this.#leftOver = new Set(unfinished)
    this.#disks?.comeBack()
    // Whatever had still been sent is read.
    for (let i = 0; i < 2; i++) await this.#all({ ask: 'progress', more: 0 })
    return wasWriting
  }

  async #momentOf({ moment }: Round): Promise<void> {
    const { locks } = this.#its.machines
    if (moment.is === 'restarting') return void (await pause(moment.afterMs))
    if (moment.is === 'recovering') {
      const folders = locks.map(({ folder }) => folder)
      return await recovering(folders, moment.until, this.#withinMs)
    }
    await this.#all({ ask: 'progress', more: enough })
    this.#roles = await this.#its.machines.whole(this.#withinMs)
    if (this.#era.lying) {
      writeFileSync(this.#lyingFile, '')
      await this.#all({ ask: 'progress', more: enough })
    }
    if (moment.is === 'working') await pause(moment.afterMs)
    else await snapshotBegun(this.#roles.primary.folder, this.#withinMs)
  }

  // ---- the machines come back

  /** When each was started. */
  async #comeBack(round: Round): Promise<number[]> {
    const emptied = this.#lacking(round, 'folder')
    if (emptied !== undefined) rmSync(emptied.folder, { recursive: true, force: true })
    const away = this.#lacking(round, 'machine')
    const starts = this.#its.machines.all.map(async (machine, i) => {
      await pause(round.delaysMs[i] ?? 0)
      if (machine === away || machine.isOn) return []
      machine.start()
      return [now()]
    })
    return (await Promise.all(starts)).flat()
  }

  #lacking({ lacks }: Round, what: Lack['what']): PowerMachine | undefined {
    return lacks?.what === what ? this.#roles?.[lacks.of] : undefined
  }

  /** From the last start before it to the next grant, in ms; resolves when every user is served. */
  async #serves(startedAt: readonly number[]): Promise<number> {
    const { users, machines } = this.#its
    const grantedAt = await users
      .firstGrant(Math.min(...startedAt), this.#withinMs)
      .catch(error => this.#explain(error))
    for (const machine of machines.all)
      if (machine.isOn) machine.signal('SIGCONT')
      else machine.start()
    await this.#all({ ask: 'progress', more: enough })
    return grantedAt - Math.max(...startedAt.filter(at => at < grantedAt))
  }

  /** What the servers say, when clients wait in vain. */
  async #explain(error: Error): Promise<never> {
    const status = await this.#its.machines.status()
    this.#read()
    if (status?.halted === null) await this.#compare()
    this.#note(this.#ledger.violations.splice(0))
    throw new Error(`${error.message}; view ${status?.view?.number}, halted: ${status?.halted}`)
  }

  // ---- what was told, and what is so

  async #verdict(isLast: boolean): Promise<void> {
    await this.#all({ ask: 'still' })
    await this.#all({ ask: 'barrier' })
    this.#read()
    await this.#compare()
    if (++this.#judgedRounds % roundsJudged === 0 || isLast) await this.#judge()
    this.#note(this.#ledger.violations.splice(0))
    if (!isLast) await this.#all({ ask: 'work' })
  }

  async #compare(): Promise<void> {
    const { locks } = this.#era
    const listings: Listing[] = []
    for (const prefix of prefixes) listings.push(await this.#list(prefix))
    const held = listings.flatMap(listing => listing.held)
    this.#ledger.compare({ held, pending: listings.flatMap(({ pending }) => pending) })
    const { primary } = await this.#its.machines.whole(this.#withinMs)
    const all = (await Scrape.of(primary.url)).value('holdfast_locks_held')
    if (all !== locks + held.length)
      this.#note([`F15: ${all - held.length} of ${locks} locks are still held`])
    const { lost = 0 } = (await this.#crowd?.standing({ sessions: 10, locks })) ?? {}
    if (lost > 0) this.#note([`F15: ${lost} sessions of those that hold locks were lost`])
  }

  /** As `holdfast locks` lists them. */
  async #list(prefix: string): Promise<Listing> {
    const { view, locks } = this.#its.machines
    const reach = { view: [view, ...locks].map(({ url }) => url), secret: undefined }
    return await until(
      `the locks below ${prefix} are confirmed`,
      async () => {
        const listing = await listLocks(reach, prefix)
        return listing.confirmed && !listing.cut && listing
      },
      this.#withinMs,
    )
  }

  async #judge(): Promise<void> {
    await this.#all({ ask: 'rest' })
    this.#read()
    this.#ledger.checkTokens()
    this.#note(judge(this.#events).violations)
    this.#events = []
  }

  #read(): void {
    for (const event of this.#histories.take()) {
      this.#ledger.hear(event)
      if (!this.#isOfKept(event)) this.#events.push(event)
    }
    this.#events.sort((a, b) => a.at - b.at)
  }

  #isOfKept(event: Event): boolean {
    const call = 'call' in event ? `${event.who} ${event.call}` : ''
    if (event.is === 'acquire' && event.names[0]?.startsWith('kept/')) this.#keptCalls.add(call)
    if (event.is === 'granted' && this.#keptCalls.has(call))
      for (const token of event.tokens) this.#keptTokens.add(token)
    return this.#keptCalls.has(call) || ('token' in event && this.#keptTokens.has(event.token))
  }

  #note(problems: readonly string[]): void {
    this.violations.push(...problems)
  }

  async #all(ask: Parameters<PowerUsers['all']>[0]): Promise<void> {
    await this.#its.users.all(ask, this.#withinMs)
  }

  get #its(): { machines: PowerMachines; users: PowerUsers } {
    if (this.#machines === undefined || this.#users === undefined) throw new Error('the era has not begun')
    return { machines: this.#machines, users: this.#users }
  }
}

/** A server whose disk stops may end by itself. */
function stopDisks(disks: Disks, machines: readonly PowerMachine[], disksFirst: boolean): void {
  for (const machine of machines) {
    machine.expectEnd()
    if (!disksFirst) machine.signal('SIGSTOP')
  }
  disks.shutDown()
}

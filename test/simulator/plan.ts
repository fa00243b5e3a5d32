// What a seed draws before its story begins: the cluster, its network and clocks, and every fault and
// call as a list of events. Each event has its own salt for what it decides later (whom, how long), so
// that the list can be shortened and what is left still happens.

import { type Random, random, weighted } from '../fixtures/random.ts'
import { type ClaimShape, drawClaimShape } from './claiming.ts'
import { type AccessKind, type AccessShape, drawAccess, drawAccessKinds } from './granting.ts'
import { drawGroupKinds, drawGroups, type GroupKind } from './grouping.ts'
import { drawOwners, type OwnerShape } from './owning.ts'
import {
  type DiskShape,
  drawBeginning,
  drawDiskShape,
  drawPowerKind,
  drawPowerRates,
  drawRarePower,
  type PowerKind,
} from './powering.ts'
import { drawMoveKinds, drawMoves, type MoveKind, type MoveShape } from './regrouping.ts'
import { drawSeatKinds, drawSeats, type SeatKind, type SeatShape } from './seating.ts'

export const faultKinds = [
  'kill primary',
  'kill backup',
  'kill idle server',
  'crash machine',
  'kill view server',
  'kill view server between write and telling',
  'freeze server',
  'freeze view server',
  'freeze client',
  'suspend machine',
  'set wall clock',
  'cut',
  'half-open',
  'block',
  'isolate',
  'isolate view server',
  'late hello',
  'late resume',
  'split',
  'stall',
  'ambush',
  'leave',
  'kill client',
  'silent death',
  'lost state',
  'freeze both',
  'strand client',
  'slow disk',
  'failing disk',
  'corrupt copy',
  'operator reset',
  'stranger',
  'lone primary',
  'slow join',
  'clients die together',
] as const
/** Peers that break the protocol, apart from the faults that any day may bring. */
export const breachKinds = [
  ...(['guest', 'guest', 'guest', 'lie', 'lie', 'lie', 'break copy', 'break copy'] as const),
  ...(['leave in vain', 'lost record'] as const),
] as const
export type FaultKind =
  | (typeof faultKinds)[number]
  | (typeof breachKinds)[number]
  | PowerKind
  | GroupKind
  | MoveKind

export const verbs = [
  'wait',
  'try',
  'steal',
  'several',
  'release',
  'force',
  'query',
  'peek',
  'watch',
  'abort',
  'end',
  'end and connect in vain',
  'finish',
  'share much',
  'hold much',
  'queue much',
  'claim',
] as const
export type Verb = (typeof verbs)[number]

/** What is neither a call nor a fault, and must change nothing. */
export const oddityKinds = [
  'odd program',
  'calls and stalls',
  'intruder',
  'operator looks',
  'operator resets wrongly',
  'newcomer',
  'stray words',
  'thief',
] as const
export type OddityKind = (typeof oddityKinds)[number]

export type Planned = { readonly at: number; readonly salt: number } & (
  | { readonly is: 'fault'; readonly kind: FaultKind }
  /** By the n-th user at that time. */
  | { readonly is: 'call'; readonly user: number; readonly verb: Verb }
  | { readonly is: 'oddity'; readonly kind: OddityKind }
  | { readonly is: 'seat'; readonly kind: SeatKind }
  | { readonly is: 'access'; readonly kind: AccessKind }
)

/** What a story is about; each aims at a weak spot that blind chance seldom meets. */
export const themes = [
  'swarm',
  'joining',
  'answers',
  'leases',
  'views',
  'promotion',
  'large state',
  'double failures',
  'resets',
  'calm',
  'meanwhile',
  'twice',
  'large sessions',
  'long lives',
] as const
export type Theme = (typeof themes)[number]

export interface Shape {
  readonly theme: Theme
  readonly servers: number
  readonly clients: number
  /** Lock names; the first ones are hot. */
  readonly names: readonly string[]
  readonly ttlMs: readonly number[]
  readonly sharedPart: number
  /** Of the calls: they have a time limit. */
  readonly timeoutPart: number
  /** Of the times that a connection to the primary is lost: the user ends its session instead of waiting. */
  readonly endsLostPart: number
  /** Waiting acquires of one user. */
  readonly waitsMax: number
  readonly lengthMs: number
  /** Between two pings of a server. */
  readonly pingMs: number
  /** The longest that a fault lasts. */
  readonly longMs: number
  /** Faults are long, each of them. */
  readonly lasting: boolean
  /** Faults befall the same thing again and again. */
  readonly faithful: boolean
  readonly drainMs: number
  readonly skewedClocks: boolean
  readonly delay: { readonly typicalMs: number; readonly rarePart: number; readonly worstMs: number }
  /** The longest that a lock server reads before it sends what it has decided, in ms. */
  readonly turnMs: number
  /** Characters that a server keeps for a peer that does not read; null: as many as usual. */
  readonly unreadMax: number | null
  /** Servers let in no peer that does not know it. */
  readonly secret: string | null
  /** Of frames: the connection is cut, and the frame with it. */
  readonly cutPart: number
  /** Typical time of a write of the view server, in ms. */
  readonly diskMs: number
  /** Locks that one session holds from the start, so that a copy takes many chunks. */
  readonly hoard: number
  /** Records of one chunk of a copy; null: as many as usual. */
  readonly chunkRecords: number | null
  /** Sessions that hold and wait for much; null: none does. */
  readonly crowd: Crowd | null
  /** What users ask for beside modes; null: nothing. */
  readonly claims: ClaimShape | null
  /** View servers that share a store; null: there is one, with a disk of its own. */
  readonly seats: SeatShape | null
  /** Its cluster is durable; null: the state is in memory. */
  readonly disk: DiskShape | null
  /** Who may do what; null: no rules apply to any client. */
  readonly access: AccessShape | null
  /** B7: from where clients come; null: from the servers' own machines. */
  readonly owners: OwnerShape | null
  /** G1: how many there are, and on how many hosts their servers stand; null: all are on one. */
  readonly groups: number
  readonly hosts: number | null
  /** G8: an operator changes how many there are; null: none does. */
  readonly moves: MoveShape | null
  /** Limits of the state low enough to be met. */
  readonly tight: boolean
  /** The bad day begins before there is a view; then also whether the cluster is known to be new. */
  readonly early: boolean
  readonly newCluster: boolean
  /** Faults spare the last server with the state (F1); otherwise they don't care. */
  readonly careful: boolean
  /** Messages that ambushes wait for. */
  readonly moments: readonly string[]
}

/** B1, B2: sessions become so large that no turn could begin, end or steal all that one has. */
export interface Crowd {
  /** How much one of them takes at a time, and has in all. */
  readonly atOnce: number
  readonly most: number
  /** Servers work this many times as slowly as a real one, and what a turn may cost is this part of the usual. */
  readonly slowness: number
  /** The state is lost, and an operator resets, in the middle of it. */
  readonly resets: boolean
}

export interface Plan {
  readonly seed: number
  readonly shape: Shape
  readonly events: readonly Planned[]
}

/** Of the seeds: there are oddities. */
const oddPart = 0.5
/** Of the seeds: their story is one of long lives. */
const longPart = 0.005
/** Of the seeds: some peer breaks the protocol. */
const breachesPart = 0.4

/** With `moves` half of those with several groups are another story, in which their number changes (G8). */
export function drawPlan(seed: number, moves = false): Plan {
  const dice = random(seed)
  const drawn = { ...drawShape(dice, random(seed + 19), seed), claims: drawClaimShape(random(seed + 23)) }
  const seats = unseated.has(drawn.theme) ? null : drawSeats(random(seed + 31))
  const disk = hasDisks(drawn)
    ? drawDiskShape(random(seed + 25), drawn.hoard > 0, drawBeginning(random(seed + 63)))
    : null
  const access = hasAccess(drawn) ? drawAccess(random(seed + 41)) : null
  const owners = drawn.tight ? drawOwners(random(seed + 61)) : null
  const seated = { ...drawn, ...(drawn.tight && sharesMuch(drawn)), seats, owners }
  const alone = withAccess(withDisks(seated, disk), access)
  const shape = hasGroups(alone)
    ? withGroups(alone, random(seed + 51), moves ? random(seed + 71) : null)
    : alone
  const events = [
    ...drawFaults(dice, shape),
    ...drawCalls(dice, shape),
    ...drawOddities(random(seed + 12), shape),
    ...drawBreaches(random(seed + 11), shape),
    ...drawClaims(random(seed + 24), shape),
    ...drawSeatFaults(random(seed + 32), shape),
    ...drawPower(random(seed + 26), shape),
    ...drawMorePower(random(seed + 62), shape),
    ...drawChanges(random(seed + 64), shape),
    ...drawAccessEvents(random(seed + 42), shape),
    ...drawGroupFaults(random(seed + 53), shape),
    ...drawMoveFaults(random(seed + 72), shape),
  ]
  return { seed, shape, events: events.sort((a, b) => a.at - b.at) }
}

/** Themes that are about other things, for longer than a mark stands. */
const unseated: ReadonlySet<Theme> = new Set(['long lives', 'large sessions', 'meanwhile'])

/** Where there is much beside, others are about that. */
function hasGroups({ theme, crowd, hoard, tight, seats, access, early }: Shape): boolean {
  const much = crowd !== null || hoard > 0 || tight || early
  return !much && seats === null && access === null && theme !== 'long lives' && theme !== 'meanwhile'
}

function withGroups(shape: Shape, dice: Random, moveDice: Random | null): Shape {
  const drawn = drawGroups(dice)
  if (drawn === null) return shape
  const moves = moveDice && drawMoves(moveDice, drawn)
  if (moves === null) return { ...shape, ...drawn }
  return { ...shape, ...drawn, ...moves, lengthMs: Math.max(3_000, shape.lengthMs) }
}

/** Whatever its number of groups is just now. */
export function hasSeveral({ groups, moves }: Shape): boolean {
  return groups > 1 || moves !== null
}

/** Long lives and large sessions are about something else, and long enough without. */
function hasDisks({ theme, crowd }: Shape): boolean {
  return theme !== 'long lives' && crowd === null
}

/** Where limits are low, or much is held, others are about that. */
function hasAccess({ theme, crowd, hoard, tight }: Shape): boolean {
  return theme !== 'long lives' && crowd === null && hoard === 0 && !tight
}

/** Whoever has the secret may do all: servers, and peers that no rule concerns. */
function withAccess(shape: Shape, access: AccessShape | null): Shape {
  if (access === null) return shape
  return { ...shape, access, secret: 'a secret of servers', lengthMs: Math.max(2_000, shape.lengthMs) }
}

/** What comes back must have the time to. */
function withDisks(shape: Shape, disk: DiskShape | null): Shape {
  return disk === null ? shape : { ...shape, disk, lengthMs: Math.max(2_500, shape.lengthMs) }
}

/** Limits are met by many who share, wait and steal. */
function sharesMuch({ sharedPart, clients, waitsMax }: Shape): Partial<Shape> {
  return {
    sharedPart: Math.max(0.5, sharedPart),
    clients: Math.max(6, clients),
    waitsMax: Math.max(3, waitsMax),
  }
}

// ---- the cluster

const joining = ['copy', 'chunk', 'whole', 'applied', 'in-sync', 'heard', 'in-sync', 'heard', 'in-sync']
const answering = ['replicate', 'applied', 'granted', 'released', 'cancel-done', 'locks', 'renewed', 'lost']
const asking = ['acquire', 'release', 'cancel', 'acknowledge', 'end', 'query', 'renew', 'abandon']
const arriving = ['hello', 'welcome', 'open', 'opened', 'resume', 'resumed', 'unavailable']
const viewing = ['ping', 'pong', 'view', 'question', 'answer', 'question', 'answer']
/** Operations of a batch: what they begin goes on in shares (B2). */
const sharing = ['expire', 'expire', 'go-on', 'go-on', 'go-on', 'force-release', 'end', 'start']
const moments = [...joining, ...answering, ...asking, ...arriving, ...viewing]

function drawShape(dice: Random, apart: Random, seed: number): Shape {
  const drawn = drawTheme(dice)
  if (random(seed + 20).chance(longPart)) return { ...shapeOf('calm', dice), ...longShape }
  // Drawn apart, so that all other seeds tell what they told before.
  const theme = weighted<Theme>(apart, { [drawn]: 93, meanwhile: 2.5, twice: 4.5 } as Record<Theme, number>)
  if (seed % largeEach === largeEach / 2) return shapeOf('large sessions', dice, drawCrowd(random(seed + 15)))
  if (theme === 'meanwhile') return { ...shapeOf('calm', dice), ...meanwhileShape }
  if (theme === 'twice') return { ...shapeOf('swarm', dice), ...twiceShape }
  return shapeOf(theme, dice)
}

/** A few faults, and each befalls the same thing again. */
const twiceShape = {
  theme: 'twice',
  lengthMs: 4_000,
  longMs: 800,
  faithful: true,
  early: false,
  careful: true,
} as const

/**
 * An hour with few events. Pings are rare, for such a story would have a million steps. A hoarder keeps its locks
 * all the time.
 */
const longShape = {
  theme: 'long lives',
  servers: 3,
  clients: 2,
  names: ['a', 'b'],
  ttlMs: [40_000, 90_000],
  lengthMs: 3_600_000,
  pingMs: 2_000,
  longMs: 60_000,
  drainMs: 40_000,
  hoard: 64,
  delay: { typicalMs: 0.2, rarePart: 0, worstMs: 0 },
  unreadMax: null,
  tight: false,
  early: false,
  careful: true,
} as const

/** One fault at a time, each long enough to see whether what may go on does; copies take long, too. */
const meanwhileShape = {
  theme: 'meanwhile',
  servers: 3,
  timeoutPart: 0,
  lengthMs: 6_000,
  longMs: 4_000,
  lasting: true,
  hoard: 160,
  chunkRecords: 4,
  delay: { typicalMs: 0.2, rarePart: 0, worstMs: 0 },
  unreadMax: null,
  tight: false,
  early: false,
  careful: true,
} as const

function shapeOf(theme: Theme, dice: Random, crowd: Crowd | null = null): Shape {
  const large = theme === 'large state'
  return {
    theme,
    servers: 3 + dice.below(3),
    clients: 2 + dice.below(crowd === null ? 7 : 4),
    names: ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, 1 + dice.below(6)),
    ttlMs: theme === 'leases' ? [1_500] : [1_500, 1_500 + dice.below(3_000)],
    sharedPart: dice.pick([0, 0.2, 0.5, 0.8]),
    timeoutPart: dice.pick([0, 0, 0.1, 0.5]),
    endsLostPart: dice.pick([0, 0, 0.1, 0.3]),
    waitsMax: 1 + dice.below(4),
    lengthMs: dice.pick(crowd === null ? [1_000, 2_000, 4_000] : [600, 1_000, 1_500]),
    pingMs: 100,
    longMs: dice.pick([200, 800, 2_500, 5_000]),
    lasting: false,
    faithful: false,
    drainMs: dice.pick([1_000, 4_000]),
    skewedClocks: dice.chance(theme === 'leases' ? 0.9 : 0.5),
    delay: {
      typicalMs: dice.pick(large ? [1, 5] : [0.05, 0.2, 1, 5]),
      rarePart: dice.pick([0, 0, 0.01, 0.1]),
      worstMs: dice.pick([10, 50, 300]),
    },
    turnMs: dice.pick([0, 0, 0.3, 2]),
    unreadMax: dice.pick([null, null, null, 2_000, 20_000]),
    secret: dice.pick([null, 'a secret of the story']),
    cutPart: theme === 'calm' ? 0 : dice.pick([0, 0, 0, 0.001, 0.01]),
    diskMs: dice.pick([0.5, 1, 5, 30]),
    hoard: large ? dice.pick([1_200, 2_500, 5_000]) : 0,
    chunkRecords: null,
    crowd,
    claims: null,
    seats: null,
    disk: null,
    access: null,
    owners: null,
    groups: 1,
    hosts: null,
    moves: null,
    tight: dice.chance(0.15) && crowd === null && !large, // A hoarder asks for more at once than they allow.
    early: dice.chance(0.1) && crowd === null,
    newCluster: dice.chance(0.7),
    careful: theme !== 'double failures' && theme !== 'resets' && crowd?.resets !== true,
    moments: crowd === null ? momentsOf(theme) : [...sharing, ...moments],
  }
}

/** One seed of so many has large sessions. */
const largeEach = 40

function drawCrowd(dice: Random): Crowd {
  const most = dice.pick([150, 300, 500])
  return {
    atOnce: dice.pick([most / 4, most / 2, most]),
    most,
    slowness: dice.pick([32, 64, 64]),
    resets: dice.chance(0.25),
  }
}

function drawTheme(dice: Random): Exclude<Theme, 'large sessions'> {
  return weighted(dice, {
    swarm: 10,
    joining: 3,
    answers: 3,
    leases: 2.5,
    views: 2,
    promotion: 1.5,
    'large state': 0.6,
    'double failures': 2,
    resets: 0.7,
    calm: 1,
    meanwhile: 0,
    twice: 0,
    'long lives': 0,
  })
}

function momentsOf(theme: Theme): readonly string[] {
  if (theme === 'joining' || theme === 'large state') return joining
  if (theme === 'answers') return [...answering, ...asking]
  if (theme === 'views' || theme === 'promotion') return viewing
  return moments
}

// ---- faults

/** Those that only their own themes have. */
const apart: ReadonlySet<FaultKind> = new Set(['lone primary', 'slow join', 'clients die together'])

/** What a theme is made of; a swarm takes any of them, each with its own rate. */
const about: Readonly<Record<Theme, readonly FaultKind[]>> = {
  swarm: faultKinds.filter(kind => !apart.has(kind)),
  joining: ['kill backup', 'ambush', 'cut', 'stall', 'kill primary', 'corrupt copy'],
  answers: [
    'ambush',
    'silent death',
    'cut',
    'late resume',
    'block',
    'isolate',
    'split',
    'kill primary',
    'stall',
    'stranger',
  ],
  leases: ['strand client', 'freeze client', 'suspend machine', 'kill primary', 'stall', 'freeze server'],
  views: [
    'kill view server',
    'kill view server between write and telling',
    'failing disk',
    'slow disk',
    'freeze view server',
    'isolate view server',
    'late hello',
    'kill primary',
    'kill backup',
    'ambush',
    'leave',
    'stranger',
  ],
  promotion: ['freeze both', 'freeze server', 'isolate', 'split', 'kill primary', 'crash machine', 'ambush'],
  'large state': ['kill backup', 'ambush', 'cut', 'kill primary', 'stall', 'leave'],
  'double failures': [
    'kill primary',
    'kill backup',
    'kill idle server',
    'crash machine',
    'kill view server',
    'freeze server',
    'cut',
    'block',
    'leave',
    'operator reset',
    'silent death',
  ],
  resets: ['lost state', 'kill backup', 'cut', 'freeze client'],
  calm: [
    'operator reset',
    'kill idle server',
    'kill client',
    'set wall clock',
    'freeze view server',
    'isolate view server',
    'stranger',
  ],
  meanwhile: [
    'lone primary',
    'slow join',
    'kill view server',
    'freeze view server',
    'isolate view server',
    'leave',
  ],
  'long lives': [
    'kill primary',
    'kill backup',
    'kill idle server',
    'kill view server',
    'kill client',
    'freeze client',
    'leave',
    'set wall clock',
  ],
  // Those that other themes seldom do twice.
  twice: [
    'half-open',
    'late hello',
    'freeze both',
    'block',
    'silent death',
    'set wall clock',
    'kill primary',
    'crash machine',
    'corrupt copy',
    'freeze view server',
    'stranger',
    'operator reset',
  ],
  'large sessions': [
    'clients die together',
    'kill client',
    'kill primary',
    'kill backup',
    'freeze client',
    'freeze server',
    'cut',
    'stall',
    'ambush',
    'leave',
    'silent death',
  ],
}

/** Themes in which most faults are over before the next one. */
const rareFaults: ReadonlySet<Theme> = new Set(['calm', 'meanwhile', 'long lives'])

function drawFaults(dice: Random, shape: Shape): Planned[] {
  const part = shape.theme === 'swarm' ? dice.pick([0.15, 0.35, 0.6]) : shape.theme === 'twice' ? 0.4 : 0.75
  const weights: Partial<Record<FaultKind, number>> = {}
  for (const kind of about[shape.theme])
    if (dice.chance(part)) weights[kind] = dice.pick([0.1, 0.4, 1]) * (kind === 'ambush' ? 2 : 1)
  if (shape.crowd !== null) weights['clients die together'] = 1
  if (shape.crowd !== null) weights.ambush = 1.5
  if (shape.crowd?.resets) weights['lost state'] = 0.5
  const rates = weights as Record<FaultKind, number>
  if (Object.keys(rates).length === 0) return []
  const everyMs = rareFaults.has(shape.theme)
    ? shape.pingMs * (shape.theme === 'long lives' ? 200 : 15)
    : shape.theme === 'twice'
      ? 160
      : dice.pick([60, 120, 300, 900])
  return timesOf(dice, everyMs, shape.lengthMs).map(at => ({
    is: 'fault',
    kind: weighted(dice, rates),
    at,
    salt: saltOf(dice),
  }))
}

/** Of their own dice: the rest of the day is as it would be without them. */
function drawBreaches(dice: Random, shape: Shape): Planned[] {
  const { theme, hoard, lengthMs } = shape
  if (theme === 'calm' || hoard > 0 || hasSeveral(shape) || !dice.chance(breachesPart)) return []
  return timesOf(dice, dice.pick([300, 900]), lengthMs).map(at => ({
    is: 'fault',
    kind: dice.pick(breachKinds),
    at,
    salt: saltOf(dice),
  }))
}

/** Of their own dice: the rest of the day is as it would be without them. */
function drawSeatFaults(dice: Random, { seats, lengthMs }: Shape): Planned[] {
  if (seats === null) return []
  const kindOf = drawSeatKinds(dice)
  return timesOf(dice, seats.everyMs, lengthMs).map(at => ({
    is: 'seat',
    kind: kindOf(dice),
    at,
    salt: saltOf(dice),
  }))
}

/** Of their own dice: the rest of the day is as it would be without them. */
function drawAccessEvents(dice: Random, { access, lengthMs }: Shape): Planned[] {
  if (access === null) return []
  const kindOf = drawAccessKinds(dice)
  return timesOf(dice, access.everyMs, lengthMs).map(at => ({
    is: 'access',
    kind: kindOf(dice),
    at,
    salt: saltOf(dice),
  }))
}

/** Of their own dice, too. */
function drawGroupFaults(dice: Random, shape: Shape): Planned[] {
  const { lengthMs } = shape
  if (!hasSeveral(shape)) return []
  const kindOf = drawGroupKinds(dice, shape.moves !== null)
  return timesOf(dice, dice.pick([400, 1_000, 2_000]), lengthMs).map(at => ({
    is: 'fault',
    kind: kindOf(dice),
    at,
    salt: saltOf(dice),
  }))
}

/** Of their own dice, too. */
function drawMoveFaults(dice: Random, { moves, disk, lengthMs }: Shape): Planned[] {
  if (moves === null) return []
  const kindOf = drawMoveKinds(dice, disk !== null)
  const first = dice.next() * 300
  return [first, ...timesOf(dice, moves.everyMs, lengthMs)].map(at => ({
    is: 'fault',
    kind: at === first ? 'other groups' : kindOf(dice),
    at,
    salt: saltOf(dice),
  }))
}

/** Of their own dice, as all of these. */
function drawPower(dice: Random, { disk, lengthMs }: Shape): Planned[] {
  if (disk === null) return []
  const rates = drawPowerRates(dice)
  const first = dice.next() * 1_000
  return [first, ...timesOf(dice, disk.everyMs, lengthMs)].map(at => ({
    is: 'fault',
    kind: at === first ? 'power fails' : drawPowerKind(dice, rates),
    at,
    salt: saltOf(dice),
  }))
}

/** Of their own dice: seeds without them tell what they told before. */
function drawMorePower(dice: Random, { disk, seats, lengthMs }: Shape): Planned[] {
  const rates = disk === null ? null : drawRarePower(dice, seats !== null)
  if (rates === null) return []
  return timesOf(dice, dice.pick([700, 1_500]), lengthMs).map(at => ({
    is: 'fault',
    kind: drawPowerKind(dice, rates),
    at,
    salt: saltOf(dice),
  }))
}

/** D11: a cluster that begins in memory is soon on disk, and perhaps not for long. */
function drawChanges(dice: Random, { disk, lengthMs }: Shape): Planned[] {
  if (disk?.begins !== 'memory') return []
  const first = 100 + dice.next() * 500
  return [first, ...timesOf(dice, 1_000, lengthMs)].map(at => ({
    is: 'fault',
    kind: dice.chance(at === first ? 0.8 : 0.5) ? 'change durability' : 'change durability and kill',
    at,
    salt: saltOf(dice),
  }))
}

// ---- calls

function drawCalls(dice: Random, shape: Shape): Planned[] {
  const some = (part: number, weight: number) => (dice.chance(part) ? weight * (0.2 + dice.next()) : 0)
  const weights: Record<Verb, number> = {
    wait: 4,
    try: some(0.8, 2),
    steal: shape.theme === 'resets' ? 2 : some(0.4, 0.6) + (shape.tight ? 1 : 0),
    several: some(0.6, 1),
    release: 5 + dice.next() * 4,
    force: some(0.3, 0.4),
    query: some(0.7, 1),
    peek: some(0.2, 0.5),
    watch: some(0.3, 0.3),
    abort: 1 + some(0.6, 2),
    end: shape.theme === 'meanwhile' ? 0.5 : some(0.4, 0.1),
    'end and connect in vain': some(0.3, 0.1),
    finish: some(0.3, 0.1),
    'share much': shape.crowd === null ? 0 : 1.5,
    'hold much': shape.crowd === null ? 0 : 1,
    'queue much': shape.crowd === null ? 0 : 1,
    claim: 0,
  }
  const oftenMs = dice.pick(shape.crowd === null ? [20, 40, 80, 160, 300] : [80, 160, 300])
  const everyMs = shape.theme === 'long lives' ? 120_000 : oftenMs
  const burstPart = some(0.6, 0.3)
  const calls: Planned[] = []
  for (let user = 0; user < shape.clients; user++) {
    for (const at of timesOf(dice, everyMs, shape.lengthMs)) {
      for (let left = dice.chance(burstPart) ? 2 + dice.below(5) : 1; left > 0; left--)
        calls.push({ is: 'call', user, verb: weighted(dice, weights), at, salt: saltOf(dice) })
    }
  }
  return calls
}

/** Of their own dice: the rest of the day is as it would be without them. */
function drawClaims(dice: Random, { claims, clients, theme, lengthMs }: Shape): Planned[] {
  if (claims === null) return []
  const everyMs = theme === 'long lives' ? 240_000 : dice.pick([40, 80, 160])
  const calls: Planned[] = []
  for (let user = 0; user < clients; user++)
    for (const at of timesOf(dice, everyMs, lengthMs))
      calls.push({ is: 'call', user, verb: 'claim', at, salt: saltOf(dice) })
  return calls
}

// ---- oddities

/** Of their own dice: the rest of the day is drawn as it would be without them. */
function drawOddities(dice: Random, shape: Shape): Planned[] {
  if (!dice.chance(oddPart) || shape.theme === 'long lives' || hasSeveral(shape)) return []
  const drawn = timesOf(dice, dice.pick([150, 500, 1_500]), shape.lengthMs).map(at => ({
    at,
    kind: dice.pick(oddityKinds),
  }))
  // While there is no view yet.
  const first = shape.early ? firstOddities.map((kind, at) => ({ at, kind })) : []
  return [...first, ...drawn].map(({ at, kind }) => ({ is: 'oddity', kind, at, salt: saltOf(dice) }))
}

const firstOddities: readonly OddityKind[] = ['operator looks', 'operator resets wrongly', 'operator looks']

// ---- chance

/** Times up to `lengthMs`, about so often. */
function timesOf(dice: Random, everyMs: number, lengthMs: number): number[] {
  const times: number[] = []
  for (let at = everyMs * dice.next() * 2; at < lengthMs; at += everyMs * dice.next() * 2) times.push(at)
  return times
}

function saltOf(dice: Random): number {
  return dice.below(4294967296)
}

// Draws the cluster: the role of each server in the view, and their connections. The list of lock servers
// says the same in words.

import type { Cluster, ServerStatus } from './answers.ts'
import { byId, drawn } from './element.ts'
import { countOf, cut, lengthOf, shortOf } from './words.ts'

interface Box {
  readonly x: number
  readonly y: number
}

interface Layout {
  readonly boxWidth: number
  readonly height: number
  readonly viewServer: Box
  readonly clients: Box
  /** Of each group that is shown. */
  readonly pairs: readonly Pair[]
  readonly idle: readonly Box[]
}

interface Pair {
  readonly primary: Box
  readonly backup: Box
}

const boxHeight = 74
const rowGap = 40
const row = (n: number) => 1 + n * (boxHeight + rowGap)
/** Below this width, in px, there is room for only two boxes side by side. */
const wideFrom = 560
const idleShownMax = 3
/** More of them stand in the list only. */
const groupsShownMax = 6
const characterPx = 7.4

export class Picture {
  readonly #place = byId('picture')
  #last: Cluster | null = null

  constructor() {
    new ResizeObserver(() => this.#draw()).observe(this.#place)
  }

  show(cluster: Cluster): void {
    this.#last = cluster
    this.#draw()
  }

  #draw(): void {
    const width = Math.floor(this.#place.clientWidth)
    if (this.#last === null || width === 0) return
    this.#place.replaceChildren(pictureOf(this.#last, width))
  }
}

function pictureOf({ status, clients }: Cluster, width: number): SVGSVGElement {
  const { servers } = status
  const groups = status.groups.slice(0, groupsShownMax)
  const idle = servers.filter(({ role }) => role === 'idle')
  const shown = idle.slice(0, idleShownMax)
  const at = layoutOf(width, groups.length, shown.length)
  const sketch = new Sketch(at.boxWidth)
  const servesAny = groups.some(({ view }) =>
    servers.some(({ id, alive }) => alive && id === view?.primary.id),
  )

  for (const [i, { primary, backup }] of at.pairs.entries())
    for (const place of [primary, backup])
      if (i === 0) sketch.pings(at.viewServer, place)
      else sketch.joins(at.viewServer, place)
  for (const place of at.idle) sketch.joins(at.viewServer, place)
  sketch.box(at.viewServer, 'viewserver', 'View server', viewsOf(status), viewServersOf(status))
  sketch.box(
    at.clients,
    'clients',
    'Clients',
    countOf(clients, 'client'),
    servesAny ? 'connected' : 'when last counted',
  )
  for (const [i, { view, group }] of groups.entries()) {
    const { primary: place, backup: next } = at.pairs[i] as Pair
    const primary = servers.find(({ id }) => id === view?.primary.id)
    const backup = servers.find(({ id }) => id === view?.backup?.id)
    if (clients > 0 && primary?.alive) sketch.serves(at.clients, place)
    if (primary?.alive && backup) sketch.talks(place, next)
    const copied = primary?.copiedPart ?? 0
    const of = status.groups.length > 1 ? ` ${group}` : ''
    sketch.server(place, `Primary${of}`, primary, 'none yet', copied)
    sketch.server(next, `Backup${of}`, backup, 'none', copied)
  }
  for (const [i, place] of at.idle.entries()) {
    const more = idle.length - shown.length
    const isLast = i === shown.length - 1
    sketch.server(place, more > 0 && isLast ? `Idle, and ${more} more` : 'Idle', shown[i], '', 0)
  }
  const { height } = at
  const label = labelOf(status, idle.length, clients)
  const frame = { role: 'img', 'aria-label': label, width, height, viewBox: `0 0 ${width} ${height}` }
  return drawn('svg', frame, ...sketch.lines, ...sketch.boxes)
}

/** The picture in words, group by group. */
function labelOf({ groups, servers }: Cluster['status'], idle: number, clients: number): string {
  const several = groups.length > 1
  const ofGroup = ({ group, view }: (typeof groups)[number]) => {
    const primary = servers.find(({ id }) => id === view?.primary.id)
    const backup = servers.find(({ id }) => id === view?.backup?.id)
    const copied = primary?.copiedPart ?? 0
    return [
      several ? `Group ${group}: view ${view?.number ?? 0}` : `View ${view?.number ?? 0}`,
      primary && `primary ${shortOf(primary.address)}, ${stateOf(primary, copied)}`,
      backup ? `backup ${shortOf(backup.address)}, ${stateOf(backup, copied)}` : 'no backup',
    ]
  }
  const words = [...groups.flatMap(ofGroup), countOf(idle, 'idle server'), countOf(clients, 'client')]
  return words.filter(Boolean).join('; ')
}

function viewsOf({ groups }: Cluster['status']): string {
  const numbers = groups.map(({ view }) => view?.number ?? 0)
  if (numbers.every(number => number === 0)) return 'no view yet'
  return `${numbers.length === 1 ? 'view' : 'views'} ${numbers.join(', ')}`
}

function layoutOf(width: number, groups: number, idles: number): Layout {
  if (width >= wideFrom) {
    const boxWidth = Math.floor(Math.min(210, (width - 140) / 3))
    const [left, middle, right] = [1, (width - boxWidth) / 2, width - boxWidth - 1].map(Math.round)
    const column = (x = 0, n: number) => ({ x, y: row(n) })
    const last = groups + 1
    const idle = [column(right, last), column(middle, last), column(left, last)].slice(0, idles)
    return {
      boxWidth,
      height: row(idles > 0 ? last + 1 : last) - rowGap + 1,
      viewServer: column(Math.round(((middle ?? 0) + (right ?? 0)) / 2), 0),
      clients: column(left, 1),
      pairs: Array.from({ length: groups }, (_, i) => ({
        primary: column(middle, i + 1),
        backup: column(right, i + 1),
      })),
      idle,
    }
  }
  const boxWidth = Math.floor((width - 40) / 2)
  const right = width - boxWidth - 1
  const last = groups + 1
  return {
    boxWidth,
    height: row(Math.max(last + 1, last + idles)) - rowGap + 1,
    viewServer: { x: Math.round((width - boxWidth) / 2), y: row(0) },
    clients: { x: 1, y: row(last) },
    pairs: Array.from({ length: groups }, (_, i) => ({
      primary: { x: 1, y: row(i + 1) },
      backup: { x: right, y: row(i + 1) },
    })),
    idle: Array.from({ length: idles }, (_, i) => ({ x: right, y: row(last + i) })),
  }
}

/** How much of its state the primary of this server's group has copied to the backup, in percent: only that primary knows. */
export function copiedFor({ group }: ServerStatus, servers: readonly ServerStatus[]): number {
  return servers.find(server => server.role === 'primary' && server.group === group)?.copiedPart ?? 0
}

export function stateOf(
  { role, alive, leaving, inSync, pingAgeMs }: ServerStatus,
  copiedPart: number,
): string {
  if (!alive) return 'gone'
  if (leaving) return 'leaving'
  if (pingAgeMs > 1_000) return `silent for ${lengthOf(pingAgeMs)}`
  if (role === 'primary') return 'serves'
  if (role !== 'backup') return 'ready'
  if (inSync) return 'in sync'
  return copiedPart < 100 ? `copied ${copiedPart} %` : 'catching up'
}

class Sketch {
  readonly lines: SVGElement[] = []
  readonly boxes: SVGElement[] = []
  readonly #width: number

  constructor(width: number) {
    this.#width = width
  }

  /** `copied`: how much of the state its backup has, in percent. */
  server(at: Box, title: string, server: ServerStatus | undefined, none: string, copied: number): void {
    if (server === undefined) return this.box(at, 'absent', title, none, '')
    const kind = server.alive && server.pingAgeMs <= 1_000 ? server.role : 'silent'
    const { role, inSync } = server
    const part = role === 'backup' && !inSync ? copied / 100 : null
    this.box(at, kind, title, shortOf(server.address), stateOf(server, copied), part)
  }

  box({ x, y }: Box, kind: string, title: string, name: string, state: string, part: number | null = null) {
    const room = Math.floor((this.#width - 26) / characterPx)
    const text = (dy: number, of: string, words: string) =>
      drawn('text', { x: x + 14, y: y + dy, class: of }, cut(words, room))
    this.boxes.push(
      drawn(
        'g',
        { class: `box ${kind}` },
        drawn('title', {}, `${title} ${name} ${state}`),
        drawn('rect', { x, y, width: this.#width, height: boxHeight, rx: 9, class: 'frame' }),
        drawn('rect', { x, y: y + 12, width: 4, height: boxHeight - 24, rx: 2, class: 'mark' }),
        text(24, 'title', title),
        text(43, 'name', name),
        text(61, 'state', state),
        ...(part === null ? [] : this.#progress(x + 14, y + boxHeight - 7, part)),
      ),
    )
  }

  #progress(x: number, y: number, part: number): SVGElement[] {
    const whole = this.#width - 28
    const bar = (width: number, of: string) => drawn('rect', { x, y, width, height: 3, rx: 1.5, class: of })
    return [bar(whole, 'whole'), bar(whole * part, 'part')]
  }

  /** Pings between the view server and a server of the view. */
  pings(from: Box, to: Box): void {
    const [x, y] = [from.x + this.#width / 2, from.y + boxHeight]
    const turn = y + rowGap / 2
    this.#line(`M${x} ${y}V${turn}H${to.x + this.#width / 2}V${to.y}`, 'pings')
  }

  /** … and a server outside of the view; the line passes the others. */
  joins(from: Box, to: Box): void {
    const x = from.x + this.#width / 2
    this.#line(`M${x} ${from.y + boxHeight}V${to.y - rowGap / 2}H${to.x + this.#width / 2}V${to.y}`, 'pings')
  }

  talks(from: Box, to: Box): void {
    const [y, tip] = [from.y + boxHeight / 2, to.x - 2]
    this.#line(`M${from.x + this.#width} ${y}H${tip}m-6 -5l6 5l-6 5`, 'talks')
  }

  /** Clients and a primary: to its side, or from below; past other groups in the gap between two columns. */
  serves(clients: Box, primary: Box): void {
    const side = clients.x + this.#width
    if (clients.y === primary.y) return this.talks(clients, primary)
    if (clients.x < primary.x) {
      const [from, to, tip] = [clients.y + boxHeight / 2, primary.y + boxHeight / 2, primary.x - 2]
      this.#line(`M${side} ${from}H${(side + primary.x) / 2}V${to}H${tip}m-6 -5l6 5l-6 5`, 'talks')
    } else if (clients.y - primary.y <= boxHeight + rowGap) {
      const tip = primary.y + boxHeight + 2
      this.#line(`M${clients.x + this.#width / 2} ${clients.y}V${tip}m-5 6l5 -6l5 6`, 'talks')
    } else {
      const [from, to, tip] = [clients.y + 18, primary.y + boxHeight - 16, side + 2]
      this.#line(`M${side} ${from}H${side + 12}V${to}H${tip}m6 -5l-6 5l6 5`, 'talks')
    }
  }

  #line(d: string, of: string): void {
    this.lines.push(drawn('path', { d, class: of }))
  }
}

/** E5: which one is active, where there are several. */
function viewServersOf({ pid, viewServers }: Cluster['status']): string {
  const active = viewServers.find(each => each.active)
  if (viewServers.length < 2 || active === undefined) return `pid ${pid}`
  return `${shortOf(active.address)} active, ${countOf(viewServers.length - 1, 'standby')}`
}

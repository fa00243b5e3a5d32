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
  readonly primary: Box
  readonly backup: Box
  readonly idle: readonly Box[]
}

const boxHeight = 74
const rowGap = 40
const row = (n: number) => 1 + n * (boxHeight + rowGap)
/** Below this width, in px, there is room for only two boxes side by side. */
const wideFrom = 560
const idleShownMax = 3
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
  const { servers, view } = status
  const primary = servers.find(({ role }) => role === 'primary')
  const backup = servers.find(({ role }) => role === 'backup')
  const idle = servers.filter(({ role }) => role === 'idle')
  const shown = idle.slice(0, idleShownMax)
  const at = layoutOf(width, shown.length)
  const copied = copiedOf(servers)
  const sketch = new Sketch(at.boxWidth, copied)

  for (const place of [at.primary, at.backup]) sketch.pings(at.viewServer, place)
  for (const place of at.idle) sketch.joins(at.viewServer, place)
  if (clients > 0) sketch.talks(at.clients, at.primary)
  if (primary && backup) sketch.talks(at.primary, at.backup)

  sketch.box(at.viewServer, 'viewserver', 'View server', `view ${view?.number ?? 0}`, viewServersOf(status))
  sketch.box(at.clients, 'clients', 'Clients', countOf(clients, 'client'), 'connected')
  sketch.server(at.primary, 'Primary', primary, 'nobody yet')
  sketch.server(at.backup, 'Backup', backup, 'nobody')
  for (const [i, place] of at.idle.entries()) {
    const more = idle.length - shown.length
    const isLast = i === shown.length - 1
    sketch.server(place, more > 0 && isLast ? `Idle, and ${more} more` : 'Idle', shown[i], '')
  }
  const words = [
    `View ${view?.number ?? 0}`,
    primary && `primary ${shortOf(primary.address)}, ${stateOf(primary, copied)}`,
    backup ? `backup ${shortOf(backup.address)}, ${stateOf(backup, copied)}` : 'no backup',
    countOf(idle.length, 'idle server'),
    countOf(clients, 'client'),
  ]
  const label = words.filter(Boolean).join('; ')
  const { height } = at
  const frame = { role: 'img', 'aria-label': label, width, height, viewBox: `0 0 ${width} ${height}` }
  return drawn('svg', frame, ...sketch.lines, ...sketch.boxes)
}

function layoutOf(width: number, idles: number): Layout {
  if (width >= wideFrom) {
    const boxWidth = Math.floor(Math.min(210, (width - 140) / 3))
    const [left, middle, right] = [1, (width - boxWidth) / 2, width - boxWidth - 1].map(Math.round)
    const column = (x = 0, n: number) => ({ x, y: row(n) })
    const idle = [column(right, 2), column(middle, 2), column(left, 2)].slice(0, idles)
    return {
      boxWidth,
      height: row(idles > 0 ? 3 : 2) - rowGap + 1,
      viewServer: column(Math.round(((middle ?? 0) + (right ?? 0)) / 2), 0),
      clients: column(left, 1),
      primary: column(middle, 1),
      backup: column(right, 1),
      idle,
    }
  }
  const boxWidth = Math.floor((width - 40) / 2)
  const right = width - boxWidth - 1
  return {
    boxWidth,
    height: row(Math.max(3, 2 + idles)) - rowGap + 1,
    viewServer: { x: Math.round((width - boxWidth) / 2), y: row(0) },
    clients: { x: 1, y: row(2) },
    primary: { x: 1, y: row(1) },
    backup: { x: right, y: row(1) },
    idle: Array.from({ length: idles }, (_, i) => ({ x: right, y: row(2 + i) })),
  }
}

/** How much of its state the primary has copied to the backup, in percent: only the primary knows. */
export function copiedOf(servers: readonly ServerStatus[]): number {
  return servers.find(({ role }) => role === 'primary')?.copiedPart ?? 0
}

export function stateOf(
  { role, alive, leaving, inSync, pingAgeMs }: ServerStatus,
  copiedPart: number,
): string {
  if (!alive) return 'not heard'
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
  readonly #copied: number

  constructor(width: number, copied: number) {
    this.#width = width
    this.#copied = copied
  }

  server(at: Box, title: string, server: ServerStatus | undefined, nobody: string): void {
    if (server === undefined) return this.box(at, 'nobody', title, nobody, '')
    const kind = server.alive && server.pingAgeMs <= 1_000 ? server.role : 'silent'
    const { role, inSync } = server
    const part = role === 'backup' && !inSync ? this.#copied / 100 : null
    this.box(at, kind, title, shortOf(server.address), stateOf(server, this.#copied), part)
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
    const middle = this.#width / 2
    if (from.y === to.y) {
      const [y, tip] = [from.y + boxHeight / 2, to.x - 2]
      this.#line(`M${from.x + this.#width} ${y}H${tip}m-6 -5l6 5l-6 5`, 'talks')
    } else {
      const tip = to.y + boxHeight + 2
      this.#line(`M${from.x + middle} ${from.y}V${tip}m-5 6l5 -6l5 6`, 'talks')
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

// The lock servers in words, with a button for operators that lets one leave, and buttons to kill and freeze them if the cluster
// is for playing.

import type { Cluster, ServerStatus, Standing } from './answers.ts'
import { ask } from './ask.ts'
import { byId, element, setChildren, setText } from './element.ts'
import { copiedFor, stateOf } from './picture.ts'
import { type Sure, sure } from './sure.ts'
import { bytesOf, grouped, lengthOf, shortOf } from './words.ts'

type Deed = 'kill' | 'freeze' | 'relieve'

const done: Readonly<Record<Deed, (name: string) => string>> = {
  kill: name => `Killed ${name}.`,
  freeze: name => `Froze ${name} for 3 s.`,
  relieve: name => `Relieved ${name}: it leaves.`,
}

const deeds = ['relieve', 'kill', 'freeze'] as const
const words = { relieve: 'Relieve', kill: 'Kill', freeze: 'Freeze 3 s' } as const

const rank = { primary: 0, backup: 1, idle: 2 } as const
const roles = { primary: 'Primary', backup: 'Backup', idle: 'Idle' } as const

export class ServersList {
  readonly #list = byId('servers')
  readonly #did = byId('did')
  readonly #onDeed: () => void
  #items = new Map<string, Item>()

  /** `onDeed`: an action was done; the page should look at the cluster again. */
  constructor(onDeed: () => void) {
    this.#onDeed = onDeed
  }

  show({ status, play, upMs }: Cluster, { operates }: Standing): void {
    const several = status.groups.length > 1
    const place = ({ group }: ServerStatus) => group ?? Number.MAX_SAFE_INTEGER
    const servers = [...status.servers].sort(
      (a, b) => place(a) - place(b) || rank[a.role] - rank[b.role] || a.address.localeCompare(b.address),
    )
    const items = servers.map(server => {
      const item = this.#items.get(server.id) ?? new Item(server.id, deed => this.#do(deed, server.id))
      const may: Deed[] = !operates ? [] : play ? ['relieve', 'kill', 'freeze'] : ['relieve']
      item.show(server, { copied: copiedFor(server, servers), several, upMs: upMs[server.id], may })
      return [server.id, item] as const
    })
    const focused = document.activeElement
    this.#items = new Map(items)
    setChildren(
      this.#list,
      items.map(([, { root }]) => root),
    )
    // The pressed button may be gone together with its server.
    if (focused !== null && !focused.isConnected) byId('servers-title').focus()
    if (items.length === 0) setText(this.#did, 'No lock server has been found yet.')
  }

  async #do(deed: Deed, id: string): Promise<void> {
    const { name = id, role = 'idle' } = this.#items.get(id) ?? {}
    if (deed === 'relieve' && !(await sure(relieving(name, role)))) return
    try {
      await ask(`/${deed}?id=${encodeURIComponent(id)}`, 'POST')
      setText(this.#did, done[deed](name))
    } catch (error) {
      setText(this.#did, (error as Error).message)
    }
    this.#onDeed()
  }
}

const relievingLines = {
  primary: 'It hands its role to its backup, and its process ends as by SIGTERM. No lock is lost.',
  backup:
    'Its process ends as by SIGTERM. Until another server has a copy, the death of the primary loses all locks.',
  idle: 'Its process ends as by SIGTERM. It has no copy of the locks.',
} as const

function relieving(name: string, role: ServerStatus['role']): Sure {
  const again = 'If its service manager starts it again, it comes back as a new, idle server.'
  return { title: `Relieve ${name}?`, lines: [relievingLines[role], again], act: 'Relieve' }
}

/** What the list knows beside a server's status. */
interface About {
  readonly copied: number
  readonly several: boolean
  readonly upMs: number | undefined
  readonly may: readonly Deed[]
}

class Item {
  readonly root = element('li')
  readonly #role = element('span', { class: 'role' })
  readonly #address = element('span', { class: 'address' })
  readonly #state = element('span', { class: 'state' })
  readonly #more = element('span', { class: 'more' })
  readonly #disk = element('span', { class: 'more' })
  readonly #deeds = element('span', { class: 'deeds' })
  readonly #buttons: Readonly<Record<Deed, HTMLButtonElement>>
  name = ''
  role: ServerStatus['role'] = 'idle'

  constructor(id: string, onDeed: (deed: Deed) => Promise<void>) {
    const button = (deed: Deed, text: string) => {
      const made = element('button', { type: 'button', class: deed }, text)
      made.addEventListener('click', () => void onDeed(deed))
      return made
    }
    this.#buttons = {
      relieve: button('relieve', words.relieve),
      kill: button('kill', words.kill),
      freeze: button('freeze', words.freeze),
    }
    this.root.dataset.id = id
    const facts = element(
      'span',
      { class: 'facts' },
      this.#role,
      this.#address,
      this.#state,
      this.#more,
      this.#disk,
    )
    this.root.append(facts, this.#deeds)
  }

  show(server: ServerStatus, { copied, several, upMs, may }: About): void {
    const { role, group, address, host, pid, opNumber, lag, pingAgeMs, alive, version } = server
    const of = several && group !== null ? ` of group ${group}` : ''
    this.name = `${role}${of} ${shortOf(address)}`
    this.role = role
    this.root.className = alive ? role : 'silent'
    setText(this.#role, `${roles[role]}${of}`)
    setText(this.#address, shortOf(address))
    setText(this.#state, stateOf(server, copied))
    const behind = role === 'backup' && lag > 0 ? `, ${grouped(lag)} behind` : ''
    const up = upMs === undefined || !alive ? '' : ` · up ${lengthOf(upMs)}`
    const heard = `heard ${lengthOf(pingAgeMs)} ago`
    setText(this.#disk, diskText(server))
    setText(
      this.#more,
      `operation ${grouped(opNumber)}${behind} · ${heard} · pid ${pid} on ${host}${version === '' ? '' : ` · ${version}`}${up}`,
    )
    for (const deed of deeds)
      this.#buttons[deed].setAttribute(
        'aria-label',
        `${words[deed]}${deed === 'freeze' ? ':' : ''} ${this.name}`,
      )
    const shown = alive ? may : may.filter(deed => deed !== 'relieve')
    setChildren(
      this.#deeds,
      shown.map(deed => this.#buttons[deed]),
    )
  }
}

/** Empty for a server without a journal. */
function diskText({ disk, imprint, low }: ServerStatus): string {
  if (disk === null) return ''
  const { syncAgeMs, unsyncedMs, syncP50Us, syncP99Us, bytes, freeBytes, spoilt } = disk
  const facts = [
    heldOf(disk.imprint, imprint, spoilt),
    unsyncedMs >= 1_000
      ? `a sync has taken ${lengthOf(unsyncedMs)} so far`
      : syncAgeMs === null
        ? 'not synced yet'
        : `synced ${lengthOf(syncAgeMs)} ago`,
    syncP50Us === null || syncP99Us === null
      ? ''
      : `syncs p50 ${lengthOf(syncP50Us / 1_000)}, p99 ${lengthOf(syncP99Us / 1_000)}`,
    bytes === 0 ? '' : `journal ${bytesOf(bytes)}`,
    freeBytes === null ? '' : `${bytesOf(freeBytes)} free${low ? ': nearly full' : ''}`,
  ]
  return facts.filter(fact => fact !== '').join(' · ')
}

type Held = Pick<NonNullable<ServerStatus['imprint']>, 'view' | 'as' | 'told' | 'opNumber'>

function heldOf(now: Held | null, before: Held | null, spoilt: string | null): string {
  const state = now ?? before
  if (state === null) return spoilt === null ? 'on disk: nothing yet' : `its journal is spoilt: ${spoilt}`
  const { view, as, told, opNumber } = state
  const text = `on disk: view ${view} as ${as}${told ? ' in sync' : ''}, operation ${grouped(opNumber)}`
  return now === null ? `${text}, from before its start` : text
}

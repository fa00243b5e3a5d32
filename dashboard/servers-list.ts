// The lock servers in words, with buttons to kill and freeze them if the cluster is for playing and its user may operate it.

import type { Cluster, ServerStatus, Standing } from './answers.ts'
import { ask } from './ask.ts'
import { byId, element, setChildren, setText } from './element.ts'
import { copiedFor, stateOf } from './picture.ts'
import { bytesOf, grouped, lengthOf, shortOf } from './words.ts'

type Deed = 'kill' | 'freeze'

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

  show({ status, play }: Cluster, { operates }: Standing): void {
    const several = status.groups.length > 1
    const place = ({ group }: ServerStatus) => group ?? Number.MAX_SAFE_INTEGER
    const servers = [...status.servers].sort(
      (a, b) => place(a) - place(b) || rank[a.role] - rank[b.role] || a.address.localeCompare(b.address),
    )
    const items = servers.map(server => {
      const item = this.#items.get(server.id) ?? new Item(server.id, deed => this.#do(deed, server.id))
      item.show(server, { copied: copiedFor(server, servers), play: play && operates, several })
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
    if (items.length === 0) setText(this.#did, 'No lock server has been heard.')
  }

  async #do(deed: Deed, id: string): Promise<void> {
    const name = this.#items.get(id)?.name ?? id
    try {
      await ask(`/${deed}?id=${encodeURIComponent(id)}`, 'POST')
      setText(this.#did, deed === 'kill' ? `Killed ${name}.` : `Froze ${name} for 3 s.`)
    } catch (error) {
      setText(this.#did, (error as Error).message)
    }
    this.#onDeed()
  }
}

interface How {
  /** How much of its group's state is copied, in percent. */
  readonly copied: number
  /** It can be killed and frozen. */
  readonly play: boolean
  /** There are several groups, and it says of which it is. */
  readonly several: boolean
}

class Item {
  readonly root = element('li')
  readonly #role = element('span', { class: 'role' })
  readonly #address = element('span', { class: 'address' })
  readonly #state = element('span', { class: 'state' })
  readonly #more = element('span', { class: 'more' })
  readonly #disk = element('span', { class: 'more' })
  readonly #deeds = element('span', { class: 'deeds' })
  readonly #kill: HTMLButtonElement
  readonly #freeze: HTMLButtonElement
  name = ''

  constructor(id: string, onDeed: (deed: Deed) => Promise<void>) {
    const button = (deed: Deed, words: string) => {
      const made = element('button', { type: 'button', class: deed }, words)
      made.addEventListener('click', () => void onDeed(deed))
      return made
    }
    this.#kill = button('kill', 'Kill')
    this.#freeze = button('freeze', 'Freeze 3 s')
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

  show(server: ServerStatus, { copied, play, several }: How): void {
    const { role, group, address, host, pid, opNumber, lag, pingAgeMs, alive, version } = server
    const of = several && group !== null ? ` of group ${group}` : ''
    this.name = `${role}${of} ${shortOf(address)}`
    this.root.className = alive ? role : 'silent'
    setText(this.#role, `${roles[role]}${of}`)
    setText(this.#address, shortOf(address))
    setText(this.#state, stateOf(server, copied))
    const behind = role === 'backup' && lag > 0 ? `, ${grouped(lag)} behind` : ''
    const heard = `heard ${lengthOf(pingAgeMs)} ago`
    setText(this.#disk, diskText(server))
    setText(
      this.#more,
      `operation ${grouped(opNumber)}${behind} · ${heard} · pid ${pid} on ${host}${version === '' ? '' : ` · ${version}`}`,
    )
    this.#kill.setAttribute('aria-label', `Kill ${this.name}`)
    this.#freeze.setAttribute('aria-label', `Freeze 3 s: ${this.name}`)
    setChildren(this.#deeds, play ? [this.#kill, this.#freeze] : [])
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

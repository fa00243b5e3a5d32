// The view servers in words: which is active, their versions, and how long this one has run. And whether all servers are of one
// version.

import type { Cluster } from './answers.ts'
import { byId, element, setChildren, setText } from './element.ts'
import { lengthOf, shortOf } from './words.ts'

export class ViewServersList {
  readonly #list = byId('view-servers')
  readonly #versions = byId('versions')

  show({ status, ownUpMs }: Cluster): void {
    const lines = status.viewServers.map(({ address, active, pid, host, version }, i) => {
      const process = pid === 0 ? 'not reached from here' : `pid ${pid} on ${host} · ${version}`
      // The one that answers comes first.
      const up = i === 0 ? ` · up ${lengthOf(ownUpMs)}` : ''
      return `${shortOf(address)}, ${active ? 'active' : 'standby'} · ${process}${up}`
    })
    const items = lines.map((line, i) => {
      const item = this.#list.children[i] ?? element('li')
      setText(item, line)
      return item
    })
    setChildren(this.#list, items)
    const all = [...status.servers, ...status.viewServers].map(({ version }) => version)
    const versions = [...new Set(all.filter(version => version !== ''))].sort()
    setText(
      this.#versions,
      versions.length < 2 ? '' : `Servers are of different versions: ${versions.join(', ')}`,
    )
  }
}

// A path through the search as a readable story: which party does what, with names instead of ids.

import { other, towards } from './connections.ts'
import { tokenBase } from './ids.ts'
import type { Model } from './model.ts'
import type { Happening, State } from './transition.ts'

/** One line for each step, from the start of the search. */
export function storyOf(model: Model, start: State, path: readonly Happening[]): string[] {
  const lines = [`      ${viewText(model, start)}`]
  let state = start
  for (const [index, happening] of path.entries()) {
    const next = model.next(state, happening).state
    lines.push(`${String(index + 1).padStart(4)}  ${plain(model, line(model, state, happening))}`)
    const [before, after] = [viewText(model, state), viewText(model, next)]
    if (before !== after) lines.push(`      ${after}`)
    state = next
  }
  return lines
}

/** The newest view record: `view (S1,S2)#2, acked`. */
export function viewText(model: Model, state: State): string {
  const { view, acked } = model.checks.histories.get(state.history)
  if (view === null) return 'no view yet'
  const pair = `(${view.primary.id},${view.backup?.id ?? '-'})#${view.number}`
  return plain(model, `view ${pair}${acked ? ', acked' : ''}`)
}

function line(model: Model, state: State, happening: Happening): string {
  const { parties, connections } = model
  switch (happening.do) {
    case 'deliver': {
      const connection = connections.get(state.connections[happening.connection] as number)
      const frame = towards(connection, happening.to).frames[0] as number
      const text = parties.frames.textOf(frame)
      const [to, from] = [connection[happening.to].slot, connection[other(happening.to)].slot]
      if (connection[happening.to].number === 0)
        return `${parties.name(from)} reaches ${parties.name(to)} as ${connection.kind}`
      return `${parties.name(to)} hears from ${parties.name(from)}: ${told(text)}`
    }
    case 'close': {
      const connection = connections.get(state.connections[happening.connection] as number)
      const lost = towards(connection, happening.to).frames.map(frame => parties.frames.textOf(frame))
      const behind = lost.length > 0 ? `; lost: ${lost.map(text => told(text)).join(', ')}` : ''
      const [to, from] = [connection[happening.to].slot, connection[other(happening.to)].slot]
      return `${parties.name(to)} hears that its connection with ${parties.name(from)} is closed${behind}`
    }
    case 'cut': {
      const { dialler, acceptor } = connections.get(state.connections[happening.connection] as number)
      return `the connection of ${parties.name(dialler.slot)} with ${parties.name(acceptor.slot)} is cut`
    }
    case 'pass':
      return `${happening.ms} ms pass`
    case 'call': {
      const local = parties.local(state.locals[happening.slot] as number)
      const op = local.place === 'client' ? parties.program(happening.slot)[local.next] : undefined
      return `${parties.name(happening.slot)} calls ${JSON.stringify(op ?? 'reset')}`
    }
    case 'outage': {
      const { keeps, spares, burns, rots } = happening
      const kept = keeps.map(([slot, writes]) => `${writes} writes of ${parties.name(slot)}`).join(' and ')
      const where = spares === null ? 'everywhere' : `everywhere but for ${parties.name(spares)}`
      const burnt = burns === null ? '' : `; the disk of ${parties.name(burns)} is gone`
      const rotten = rots === null ? '' : `; the last that ${parties.name(rots)} has is unreadable`
      return `the power fails ${where}; of what was not synced ${kept === '' ? 'nothing' : kept} is kept${burnt}${rotten}`
    }
    case 'synced':
      return `${parties.name(happening.slot)} hears that its oldest write is on the disk`
    case 'saved':
      return `${parties.name(happening.slot)} hears that its record is on the disk`
    case 'turn-end':
      return `${parties.name(happening.slot)} ends its turn`
    default:
      return `${parties.name(happening.slot)}: ${happening.do}`
  }
}

/** Long ones in short: what a hello, a welcome or a ping says of itself. */
function told(text: string): string {
  const messages = JSON.parse(text) as [string, ...unknown[]][]
  const short = messages.map(([kind, ...rest]) =>
    kind === 'welcome' || kind === 'hello' ? `["${kind}"]` : JSON.stringify([kind, ...rest]),
  )
  return short.join(' ')
}

function plain(model: Model, text: string): string {
  return text
    .replace(/"?a(\d)000*(\d+)"?/g, (_, slot, life) => `S${slot}${life === '1' ? '' : `/${life}`}`)
    .replace(
      /"?b(\d)000*(\d+)"?/g,
      (_, slot, life) => `session ${life} of ${model.parties.name(Number(slot))}`,
    )
    .replace(/"ws:\/\/(\d):1"/g, (_, slot) => `at ${model.parties.name(Number(slot))}`)
    .replace(/\b17\d{14}\b/g, token => `t${Number(token) - tokenBase}`)
}

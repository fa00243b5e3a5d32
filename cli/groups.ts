// `holdfast groups`: how many groups there are, which slots each has, which are on the move, and which holders keep them
// where they are; with --set it changes the number of groups while the cluster runs (G8).

import { countsIn } from '../viewservice/moves.ts'
import type { MessageOf, SlotMap, Status } from '../wire/messages.ts'
import { groupsMax, slotOf, slotsIn } from '../wire/slots.ts'
import { type Command, json, reaching, whole } from './arguments.ts'
import { type AskedServer, askStatus, meetViewServer, type Reach } from './ask.ts'
import { Failure } from './failure.ts'
import { type Listing, listLocks } from './locks.ts'
import { oneLine, print, printJson, table } from './output.ts'

const options = {
  set: whole('COUNT', 'the new number of groups', 1, groupsMax),
  ...reaching,
  ...json,
}

/** The view server may be saving a record. */
const withinMs = 10_000
/** Lines that say which holder keeps a slot where it is. */
const usersShown = 20

export const command: Command<typeof options> = {
  usage: 'groups [options]',
  does: 'show, or change, how many groups share the lock names',
  more: `Each group has its own primary and backup, and some of the 4,096 slots: each lock name is in one slot.
--set comes back once the new number is in the view record. Then idle lock servers become primary and
backup of new groups, and slots move one by one, each when nothing in it is held, waited for, kept or
remembered. A slot that is never empty stays where it is; its locks in use are listed. With fewer groups
it is the same: a group without slots ends, and its servers are idle again.
--json prints { wanted, wait, groups: [{ group, slots, toCome, primary, backup }…], moves: [{ from, to,
slots }…], inUse: [{ name, slot, clients }…] or null if you may not read that }; wait says what a new
group lacks, or is null.`,
  options,
  names: [],
  async run({ values }) {
    using peer = await meetViewServer(values)
    if (values.set !== undefined) await change(peer, values.set)
    const status = await askStatus(peer)
    const { map } = status
    if (map === null) throw new Failure('there is no view yet')
    const inUse = map.moves.length === 0 ? [] : await usersOf(values, map)
    const report = reportOf(status, map, inUse)
    if (values.json) printJson(report)
    else for (const line of linesOf(report)) print(line)
    return 0
  },
}

interface User {
  readonly name: string
  readonly slot: number
  readonly clients: readonly string[]
}

async function change(peer: AskedServer, groups: number): Promise<void> {
  let refused: string | null | undefined
  await peer.ask(
    ['groups', 1, groups],
    message => {
      const answer = message as MessageOf<'viewToClient'>
      if (answer[0] === 'groups-done') refused = null
      if (answer[0] === 'groups-refused') refused = answer[2]
      return refused !== undefined
    },
    withinMs,
  )
  if (refused !== null) throw new Failure(`the number of groups is not changed: ${refused ?? 'no answer'}`)
}

/** Locks in slots under way, and who has or wants them; null: that may not be read, or no primary answers. */
async function usersOf(reach: Reach, map: SlotMap): Promise<User[] | null> {
  const listing = await listLocks(reach, '').catch(() => null)
  return listing === null ? null : usersIn(listing, map)
}

export function usersIn({ held, pending }: Pick<Listing, 'held' | 'pending'>, map: SlotMap): User[] {
  const moving = new Set(map.moves.flatMap(({ slots }) => slotsIn(slots)))
  const users = new Map<string, Set<string>>()
  for (const { name, clientName } of [...held, ...pending]) {
    if (!moving.has(slotOf(name))) continue
    users.set(name, (users.get(name) ?? new Set()).add(clientName ?? 'kept for no client'))
  }
  return [...users].map(([name, clients]) => ({ name, slot: slotOf(name), clients: [...clients] }))
}

interface Report {
  readonly wanted: number
  readonly wait: string | null
  readonly groups: readonly {
    readonly group: number
    readonly slots: number
    readonly toCome: number
    readonly primary: string | null
    readonly backup: string | null
  }[]
  readonly moves: readonly { readonly from: number; readonly to: number; readonly slots: number }[]
  readonly inUse: readonly User[] | null
}

export function reportOf(status: Status, map: SlotMap, inUse: readonly User[] | null): Report {
  const { has, gets } = countsIn(map, status.groups.length)
  return {
    wanted: status.groupsWanted,
    wait: status.groupsWait,
    groups: status.groups.map(({ group, view }) => ({
      group,
      slots: has[group] ?? 0,
      toCome: (gets[group] ?? 0) - (has[group] ?? 0),
      primary: view?.primary.address ?? null,
      backup: view?.backup?.address ?? null,
    })),
    moves: map.moves.map(({ from, to, slots }) => ({ from, to, slots: slotsIn(slots).length })),
    inUse,
  }
}

export function linesOf({ wanted, wait, groups, moves, inUse }: Report): string[] {
  const rows = groups.map(({ group, slots, toCome, primary, backup }) => [
    String(group),
    String(slots),
    toCome > 0 ? `+${toCome}` : String(toCome),
    primary ?? 'none',
    backup ?? 'none',
  ])
  const under = moves.map(({ from, to, slots }) => `${slots} from group ${from} to group ${to}`)
  return [
    ...table(['GROUP', 'SLOTS', 'TO COME', 'PRIMARY', 'BACKUP'], rows),
    ...(wanted === groups.length ? [] : [`wanted: ${wanted} ${wanted === 1 ? 'group' : 'groups'}`]),
    ...(wait === null ? [] : [wait]),
    ...(moves.length === 0 ? [] : [`slots on the move: ${under.join(', ')}`]),
    ...(inUse === null
      ? ['which locks keep them where they are is not known: no primary answers, or you may not read that']
      : userLines(inUse)),
  ]
}

function userLines(inUse: readonly User[]): string[] {
  const lines = inUse.slice(0, usersShown).map(({ name, slot, clients }) => {
    return `  slot ${slot} waits until ${JSON.stringify(name)} is free: ${oneLine(clients.join(', '))}`
  })
  const more = inUse.length - usersShown
  return more > 0 ? [...lines, `  and ${more} more locks`] : lines
}

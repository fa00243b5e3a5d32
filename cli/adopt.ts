// `holdfast adopt`: rebuilds a view record that was lost, from the lock servers that live (E7).

import { randomBytes } from 'node:crypto'
import { writeAdopted } from '../viewservice/adopt.ts'
import { type Adoption, adoptionOf } from '../viewservice/adoption.ts'
import type { MessageOf, Server, Testimony } from '../wire/messages.ts'
import { type Command, flag, json, proofOf, reaching, texts, urls } from './arguments.ts'
import { AskedServer } from './ask.ts'
import { Failure, messageOf, UsageError } from './failure.ts'
import { clearly, placeProblems, recordOptions } from './init.ts'
import { note, print, printJson } from './output.ts'

const { view: _, ...showing } = reaching

const options = {
  ...recordOptions,
  servers: urls('URL[,URL]', 'all lock servers of the cluster'),
  'no-reset-since': flag('no forced reset was made since the newest view that they tell of'),
  'nobody-else': texts('ID', 'neither this server nor one that went on after it runs any more; repeatable'),
  ...showing,
  ...json,
}

export const command: Command<typeof options> = {
  usage: 'adopt --data DIR | --record URL --servers URL[,URL] [options]',
  does: 'rebuild a lost view record from the lock servers',
  more: `Asks every lock server for its view, and writes the record that was lost; locks, holders and queues stay
as they are, and a view server that waits or has halted goes on. The newest view is taken by itself
only if none newer can have been in force: its primary answers and its backup was never in sync, or both
answer. Otherwise it says which servers could know better; --nobody-else ID is your word for one of them:
look at each machine first, for if it runs after all, two primaries grant the same locks.
A forced reset follows no such rule, so --no-reset-since is needed always.
Run it as the user who runs the view server.
--json prints { cluster, view, acked }.`,
  options,
  names: [],
  check: placeProblems,
  async run({ values }) {
    const { data, record, servers } = values
    if (servers === undefined)
      throw new UsageError('adopt needs --servers URL[,URL]: the lock servers to ask')
    const told = await askAll(servers, proofOf(values))
    for (const line of told.map(seen)) note(line)
    const words = { noResetSince: values['no-reset-since'], nobodyElse: values['nobody-else'] }
    const adopted = decided(adoptionOf(told, words, randomBytes(16).toString('hex')))
    await clearly(writeAdopted({ data, record }, adopted))
    const { cluster, view, acked } = adopted
    if (values.json) printJson({ cluster, view, acked })
    else
      print(
        `view ${view.number} of cluster ${cluster} is on the record again, ${acked ? 'acked' : 'not acked'}: its primary is at ${view.primary.address}. Start the view server on it, if it does not run`,
      )
    return 0
  },
}

function decided(adoption: Adoption) {
  if (adoption.is === 'adopted') return adoption.record
  if (adoption.is === 'refused') throw new Failure(`adopt refused: ${adoption.reason}`)
  const { view, servers, word } = adoption
  const reset = word
    ? [
        `say --no-reset-since if no forced reset was made since view ${view.number}; otherwise find the server that the reset named`,
      ]
    : []
  throw new Failure([...servers.map(needed), ...reset].map(text => `not adopted: ${text}`).join('\n'))
}

function needed({ id, address }: Server): string {
  return `server ${id} at ${address} may have gone on, alone or with others; start it again or name its new address in --servers, or, if nothing that went on after it runs: --nobody-else ${id}`
}

/** Those that answer; of the others it says why they do not. */
async function askAll(urls: readonly string[], secret: string | undefined): Promise<Testimony[]> {
  const asked = urls.map(url =>
    askOne(url, secret).catch((error: unknown) => {
      note(`${url} is silent: ${messageOf(error)}`)
      return []
    }),
  )
  return (await Promise.all(asked)).flat()
}

async function askOne(url: string, secret: string | undefined): Promise<Testimony[]> {
  using peer = await AskedServer.meet(url, secret)
  if (peer.isViewServer) throw new Failure('it is a view server; give the lock servers')
  const told: Testimony[] = []
  await peer.ask(['testify', 1], message => {
    const answer = message as MessageOf<'serverToClient'>
    if (answer[0] === 'testimony') told.push(answer[2])
    return told.length > 0
  })
  return told
}

function seen({ id, address, role, view, latched, imprint }: Testimony): string {
  const part = latched ? `${role}, its backup may be in sync` : role
  const journal = imprint === null ? '' : `; its journal is of view ${imprint.view}, as ${imprint.as}`
  return `${address} (${id}): ${part}, view ${view?.number ?? 'none'}${journal}`
}

// Meets the primary of the newest view that is known, for the commands that ask it. When it can't be asked, the error
// says what `status` says of it: it is no matter of a wrong URL, and no other cluster has to be started.

import { adviceFor } from '../viewservice/advice.ts'
import type { View } from '../wire/messages.ts'
import { proofOf } from './arguments.ts'
import { AskedServer, findGroups, findView, type Reach, statusOf } from './ask.ts'
import { Failure, messageOf } from './failure.ts'

/** `known`: the newest view of this group, if the caller has just asked for it. */
export async function meetPrimary(reach: Reach, group = 0, known?: View | null): Promise<AskedServer> {
  let view = known === undefined ? await findView(reach, group) : known
  if (view === null) throw new Failure("there is no primary yet to ask; see 'holdfast status'")
  for (;;) {
    try {
      return await meetPrimaryOf(view, proofOf(reach))
    } catch (error) {
      const next = await findView(reach, group)
      if (next === null || next.number <= view.number)
        throw new Failure(`${messageOf(error)}; ${await wordsOfStatus(reach)}`)
      view = next
    }
  }
}

async function meetPrimaryOf({ primary, number }: View, secret: string | undefined): Promise<AskedServer> {
  const { id, address } = primary
  const what = `the primary ${id.slice(0, 8)} of view ${number} can't be asked`
  let peer: AskedServer
  try {
    peer = await AskedServer.meet(address, secret, 'told')
  } catch (error) {
    throw new Failure(`${what}: ${messageOf(error)}`)
  }
  if (peer.welcome.id === id) return peer
  peer[Symbol.dispose]()
  throw new Failure(`${what}: another server answers at ${address}, so it is gone`)
}

/**
 * What all groups say (G5), and those that could not be asked; only if none can be asked it fails. `ask` gets the newest
 * view that is known of the group, so that it need not ask for it once more.
 */
export async function fromGroups<T>(
  reach: Reach,
  ask: (group: number, view: View | null) => Promise<T>,
): Promise<{ readonly answers: readonly T[]; readonly missing: readonly number[] }> {
  const { map, views } = await findGroups(reach)
  const groups = Array.from({ length: map?.groups ?? 1 }, (_, group) => group)
  const settled = await Promise.allSettled(groups.map(group => ask(group, views.get(group) ?? null)))
  const answers = settled.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
  const [failed] = settled.flatMap(each => (each.status === 'rejected' ? [each.reason] : []))
  if (answers.length === 0) throw failed
  return { answers, missing: groups.filter(group => settled[group]?.status === 'rejected') }
}

/** In a list, for display. */
export function missingText(missing: readonly number[]): string {
  const [groups, have] = missing.length === 1 ? ['group', 'has'] : ['groups', 'have']
  return `${groups} ${missing.join(', ')} ${have} not answered: what is there is left out`
}

async function wordsOfStatus(reach: Reach): Promise<string> {
  const status = await statusOf(reach).catch(() => null)
  const words = status && (status.halted ?? adviceFor(status).join(' '))
  return words || "see 'holdfast status'"
}

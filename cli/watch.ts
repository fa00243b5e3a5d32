// `holdfast watch`: prints views and lock events as they happen, until a signal ends it. It shows what the
// client receives, and neither asks nor changes anything.

import type { LockWatch, View, WatchEvent } from '../client/index.ts'
import { readClock } from '../wire/clock.ts'
import { nameProblem } from '../wire/name.ts'
import { type Command, json, reaching } from './arguments.ts'
import { showDuration } from './duration.ts'
import { UsageError } from './failure.ts'
import { openSession } from './holding.ts'
import { type Colour, note, oneLine, paint, print, printJson } from './output.ts'

const options = { ...reaching, ...json }

export const command: Command<typeof options> = {
  usage: 'watch [PREFIX] [options]',
  does: 'print views and lock events as they happen; only of locks whose names begin with PREFIX',
  more: `Lock events are waiting, cancelled, granted, released and lost, in the order in which they took
effect, none before it is sure. watching says that they come from here on: at the start and
again after each failover, since what happened in between is not told. missed says that this
terminal was too slow. Ends with exit code 0 at SIGINT or SIGTERM.

--json prints one line each: { event: "view", at, view }, { event: "watching", at },
{ event: "missed", at, events } or { event, at, name, mode, token, reason, clientId, clientName };
at is in ms since 1970.`,
  options,
  names: ['PREFIX?'],
  async run({ values, names: [prefix = ''] }) {
    const problem = prefix === '' ? undefined : nameProblem(prefix)
    if (problem !== undefined) throw new UsageError(`PREFIX ${problem}`)
    const client = await openSession('watch', values)
    const showView = (view: View) => show({ event: 'view', at: readClock().wall, view }, values.json)
    if (client.view !== null) showView(client.view)
    client.on('view', showView)
    client.on('reconnecting', () => note('the primary is out of reach'))
    await showEvents(client.watch(prefix, { signal: endSignal() }), values.json)
    await client.close()
    return 0
  },
}

type Shown = WatchEvent | { readonly event: 'view'; readonly at: number; readonly view: View }

/** Aborted by the first signal; the second one ends the process. */
function endSignal(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => controller.abort(ended))
  return controller.signal
}
const ended = new Error('ended by a signal')

async function showEvents(watch: LockWatch, json: boolean): Promise<void> {
  try {
    for await (const event of watch) show(event, json)
  } catch (error) {
    if (error !== ended) throw error
  }
}

function show(shown: Shown, json: boolean): void {
  const at = 'at' in shown ? shown.at : readClock().wall
  if (json) printJson('at' in shown ? shown : { ...shown, at })
  else print(`${clockTime(at)}  ${sinceLast(at)}  ${lineOf(shown)}`)
}

/** The time since the line before it, for display only; empty in the first line. */
function sinceLast(at: number): string {
  const text = lastAt === undefined ? '' : `+${showDuration(Math.max(0, at - lastAt))}`
  lastAt = at
  return paint('dim', text.padStart('+59 m 59 s'.length))
}
let lastAt: number | undefined

const colours: Partial<Record<Shown['event'], Colour>> = {
  granted: 'green',
  lost: 'red',
  missed: 'yellow',
  view: 'cyan',
}

function lineOf(shown: Shown): string {
  const { event } = shown
  const word = event.padEnd('cancelled'.length)
  const painted = colours[event] === undefined ? word : paint(colours[event], word)
  return `${painted}  ${rest(shown)}`.trimEnd()
}

function rest(shown: Shown): string {
  switch (shown.event) {
    case 'view': {
      const { number, primary, backup } = shown.view
      return `${number}: primary ${primary.address}, ${backup === null ? 'no backup' : `backup ${backup.address}`}`
    }
    case 'watching':
      return 'from here on'
    case 'missed':
      return `${shown.events} events: they came faster than they were read`
    default: {
      const { name, mode, token, reason, clientName } = shown
      const facts = [
        mode,
        ...(token === null ? [] : [`token ${token}`]),
        ...(reason === null ? [] : [reason]),
      ]
      return `${oneLine(name).padEnd(nameWidth)}  ${facts.join(', ').padEnd(factsWidth)}  ${oneLine(clientName ?? '(kept)')}`
    }
  }
}

/** Lines come one by one, so the columns have the width that most lines need. */
const nameWidth = 24
const factsWidth = 'exclusive, token 1700000000000000'.length

/** hh:mm:ss.mmm by this machine's clock. */
function clockTime(at: number): string {
  const date = new Date(at)
  const part = (value: number, digits: number) => String(value).padStart(digits, '0')
  return `${part(date.getHours(), 2)}:${part(date.getMinutes(), 2)}:${part(date.getSeconds(), 2)}.${part(date.getMilliseconds(), 3)}`
}

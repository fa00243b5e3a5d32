// The log-in: a form for a user who has not shown a secret or token, and the way out for one who has. It decides nothing about
// rights; the page is loaded anew whenever a log-in ends, so that nothing of it stays.

import type { Standing } from './answers.ts'
import { ask, logIn, Refused } from './ask.ts'
import { byId, setText } from './element.ts'
import { noAnswer } from './headline.ts'

const againMs = 1_000

/** Resolves once the user may look at the cluster, and the page shows it. `say`: why it takes a while. */
export async function enter(say: (text: string) => void): Promise<Standing> {
  const standing = (await known(say)) ?? (await shown(say))
  byId('door').hidden = true
  byId('all').hidden = false
  showWho(standing)
  return standing
}

/** Null: there is no log-in, or none that is still good. */
async function known(say: (text: string) => void): Promise<Standing | null> {
  for (;;) {
    try {
      return await ask<Standing>('/session')
    } catch (error) {
      if (error instanceof Refused && error.status === 401) return null
      say(troubleText(error))
      await new Promise(resolve => window.setTimeout(resolve, againMs))
    }
  }
}

/** Asks for a secret or token until one is taken. */
function shown(say: (text: string) => void): Promise<Standing> {
  const form = byId<HTMLFormElement>('door-form')
  const proof = byId<HTMLInputElement>('proof')
  const button = byId<HTMLButtonElement>('log-in')
  const said = byId('door-said')
  say('Log in to see this cluster')
  byId('door').hidden = false
  byId('plain').hidden = window.isSecureContext
  proof.focus()
  return new Promise(resolve => {
    form.addEventListener('submit', async event => {
      event.preventDefault()
      button.disabled = true
      setText(button, 'Asking …')
      setText(said, '')
      try {
        resolve(await logIn<Standing>(proof.value))
      } catch (error) {
        setText(said, refusalText(error))
        proof.select()
      }
      button.disabled = false
      setText(button, 'Log in')
    })
  })
}

/** Of a log-in; the server's words begin like a line in a terminal. */
function refusalText(error: unknown): string {
  const text = error instanceof Refused ? error.message : troubleText(error)
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function showWho({ isOpen, principal }: Standing): void {
  byId<HTMLInputElement>('proof').value = ''
  byId('who').hidden = isOpen
  setText(byId('who-name'), principal ?? 'by the secret of the cluster')
  byId('log-out').addEventListener('click', async () => {
    await ask('/log-out', 'POST').catch(() => {})
    location.reload()
  })
}

/** What went wrong with a question, as a sentence without its end. */
export function troubleText(error: unknown): string {
  const { message } = error as Error
  return error instanceof Refused ? `The view server refuses: ${message}` : noAnswer
}

// Asks an operator once more before something is given up, and names what would be lost. It does nothing itself.

import { byId, element, setChildren, setText } from './element.ts'

export interface Sure {
  readonly title: string
  /** What would happen, and what would be lost. */
  readonly lines: readonly string[]
  /** On the button that does it. */
  readonly act: string
}

/** Resolves with whether it is meant; closing it in any other way says no. */
export function sure({ title, lines, act }: Sure): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('sure')
  const [yes, no] = [byId<HTMLButtonElement>('sure-yes'), byId<HTMLButtonElement>('sure-no')]
  if (dialog.open) return Promise.resolve(false)
  setText(byId('sure-title'), title)
  setText(yes, act)
  setChildren(
    byId('sure-lines'),
    lines.map(line => element('li', {}, line)),
  )
  dialog.returnValue = ''
  yes.onclick = () => dialog.close('yes')
  no.onclick = () => dialog.close('no')
  dialog.showModal()
  no.focus()
  return new Promise(resolve =>
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true }),
  )
}

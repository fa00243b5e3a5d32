// Makes elements. Text is only ever text: nothing here reads markup, so nothing that a name contains is any.

type Attributes = Readonly<Record<string, string | number>>

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  return filled(document.createElement(tag), attributes, children)
}

export function drawn<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[K] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children)
}

function filled<T extends Element>(made: T, attributes: Attributes, children: readonly (Node | string)[]): T {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  made.append(...children)
  return made
}

/** The element of index.html with this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`index.html has no ${id}`)
  return found as T
}

/** Nothing is touched that is as it should be: selections stay, and readers of screens are told of changes only. */
export function setText(of: Node, text: string): void {
  if (of.textContent !== text) of.textContent = text
}

/** Leaves the children in this order, moving only those that are elsewhere, so that the focus stays where it is. */
export function setChildren(of: Element, children: readonly Element[]): void {
  const wanted = new Set(children)
  for (const child of [...of.children]) if (!wanted.has(child)) child.remove()
  for (const [i, child] of children.entries()) {
    const there = of.children[i]
    if (there !== child) of.insertBefore(child, there ?? null)
  }
}

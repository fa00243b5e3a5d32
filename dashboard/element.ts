// Makes elements. Text stays text: nothing here parses markup, so names can't inject any.

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

/** Changes only what differs: selections stay, and screen readers announce changes only. */
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

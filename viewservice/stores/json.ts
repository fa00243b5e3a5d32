// Reads answers in JSON whose form only their sender vouches for: what is missing is named, never guessed.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Undefined if it is not there. */
export function member(value: Json | undefined, name: string): Json | undefined {
  if (typeof value !== 'object' || value === null || isList(value)) return undefined
  return Object.hasOwn(value, name) ? value[name] : undefined
}

export function textIn(value: Json | undefined, name: string): string {
  const found = member(value, name)
  if (typeof found === 'string') return found
  throw new Error(`the answer has no text "${name}"`)
}

/** Empty lists are left out of etcd's answers. */
export function listIn(value: Json | undefined, name: string): readonly Json[] {
  const found = member(value, name) ?? []
  if (isList(found)) return found
  throw new Error(`"${name}" of the answer is no list`)
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

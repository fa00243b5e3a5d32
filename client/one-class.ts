// A program may have this package twice: as modules and as CommonJS, or in a bundle and beside it. `instanceof` must
// then hold for the objects of either copy, as a `catch` that asks for a LockError does not know which one threw. This says
// only of what kind an object is; nothing else is shared between copies.

/** `instanceof` the class also holds for what another copy's class of this name has made. Subclasses stay their own. */
export function oneClass(of: { readonly prototype: object }, name: string): void {
  const mark = Symbol.for(`holdfast.${name}`)
  Object.defineProperty(of.prototype, mark, { value: true })
  Object.defineProperty(of, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      if (this !== of) return Function.prototype[Symbol.hasInstance].call(this as never, value)
      return typeof value === 'object' && value !== null && mark in value
    },
  })
}

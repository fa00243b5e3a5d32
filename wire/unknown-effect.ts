// The end of every `perform`: an effect that is forgotten there does not compile.

export function unknownEffect(effect: never): never {
  throw new Error(`no driver does this: ${JSON.stringify(effect)}`)
}

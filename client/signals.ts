// Which calls wait for which AbortSignal: one listener a signal, however many calls share it, since Node warns
// of a leak at eleven, and sharing one signal among many calls is what signals are for.

const watchers = new WeakMap<AbortSignal, Set<() => void>>()

/** Calls `then` once the signal is aborted; returns what ends the watch. */
export function watchSignal(signal: AbortSignal, then: () => void): () => void {
  const others = watchers.get(signal)
  if (others !== undefined) others.add(then)
  else {
    watchers.set(signal, new Set([then]))
    signal.addEventListener('abort', onAbort)
  }
  return () => unwatch(signal, then)
}

function onAbort(event: Event): void {
  const signal = event.target as AbortSignal
  const waiting = [...(watchers.get(signal) as Set<() => void>)]
  for (const then of waiting) then()
}

function unwatch(signal: AbortSignal, then: () => void): void {
  const waiting = watchers.get(signal)
  if (waiting === undefined || !waiting.delete(then) || waiting.size > 0) return
  watchers.delete(signal)
  signal.removeEventListener('abort', onAbort)
}

// Which calls wait for which AbortSignal: one listener a signal, however many calls share it, since Node warns
// of a leak at eleven, and sharing one signal among many calls is what signals are for. A signal may be of another
// realm or a polyfill: nothing is asked of its events, and it may have no reason.

interface Watched {
  readonly waiting: Set<() => void>
  readonly onAbort: () => void
}

const watchers = new WeakMap<AbortSignal, Watched>()

/** Calls `then` once the signal is aborted; returns what ends the watch. */
export function watchSignal(signal: AbortSignal, then: () => void): () => void {
  const others = watchers.get(signal)
  if (others !== undefined) others.waiting.add(then)
  else watch(signal, new Set([then]))
  return () => unwatch(signal, then)
}

/** What a call that this signal ended rejects with. */
export function reasonOf({ reason }: AbortSignal): unknown {
  return reason === undefined ? new DOMException('This operation was aborted', 'AbortError') : reason
}

/** A polyfill may lack its own. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw reasonOf(signal)
}

function watch(signal: AbortSignal, waiting: Set<() => void>): void {
  const onAbort = () => {
    for (const then of [...waiting]) then()
  }
  watchers.set(signal, { waiting, onAbort })
  signal.addEventListener('abort', onAbort)
}

function unwatch(signal: AbortSignal, then: () => void): void {
  const watched = watchers.get(signal)
  if (watched === undefined || !watched.waiting.delete(then) || watched.waiting.size > 0) return
  watchers.delete(signal)
  // A polyfill may know no way back; then nobody waits for what it says.
  signal.removeEventListener?.('abort', watched.onAbort)
}

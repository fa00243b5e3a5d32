// The timers of Node as they are when this file is loaded, for all code that runs in Node alone. Tests that fake timers replace
// the global ones, and with them a lease would end, a server would look dead, or a call would never settle. Those of `node:timers`
// are real also where a test's globals were faked before anything was loaded (Jest). Sets no timer by itself.

import timers from 'node:timers'

export const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate } = timers

/** Resolves after at least this many ms. */
export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

/** Resolves in the next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

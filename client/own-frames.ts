// The stack of an error of this package shows the functions that wait for the call. An answer comes from a
// socket, whose stack knows no caller; so it is taken again where the engine knows who awaits the promise. That costs
// nothing while all goes well, and engines that can't do it leave the stack as it was.

interface Capturing {
  captureStackTrace?(error: object, above: (...given: never) => unknown): void
}

/** For an async function, behind an `await`: the stack then names those who await that function. */
export function showCallers(error: unknown, above: (...given: never) => unknown): void {
  if (error instanceof Error) (Error as Capturing).captureStackTrace?.(error, above)
}

/** Rejects the promise of this `resolve`, a moment later. No error of the program itself: its stack is its own. */
export function rejectToCallers(resolve: (value: Promise<never>) => void, error: unknown): void {
  let reject: (error: unknown) => void = () => {}
  const failing = new Promise<never>((_, no) => {
    reject = no
  })
  const retake = (error: unknown): never => {
    showCallers(error, retake)
    throw error
  }
  resolve(failing.catch(retake))
  // Behind the step that ties the caller's promise to this one, or the engine would not find it.
  // Not queueMicrotask: Jest fakes it.
  void Promise.resolve().then(() => reject(error))
}

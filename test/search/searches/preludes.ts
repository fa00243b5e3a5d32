// Where several searches begin.

import type { Prelude } from '../prelude.ts'

/** (S1,S2)#2 is acked, and the clients have their sessions. */
export const acked =
  (...more: string[]) =>
  (prelude: Prelude) => {
    prelude.each('start', 'VS', 'S1', 'S2', ...more)
  }

// The version of the wire, on its own so that a client needs no message table to know it.

/** Grows when two versions no longer understand each other. */
export const wireVersion = 1

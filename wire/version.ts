// The version of the wire, in a file by itself so that a client needs no message table to know it.

/** Grows when two versions can't understand each other any more. */
export const wireVersion = 2

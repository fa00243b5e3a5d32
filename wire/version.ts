// The versions of the wire and of this package, in a file by themselves so that a client needs no message table
// to know them.

/** Grows when two versions can't understand each other any more. */
export const wireVersion = 2

/** Of the view record on disk; grows when an older view server could not read it. */
export const recordFormat = 4

/** Of this package, as package.json has it; for display only. */
export const packageVersion = '0.1.0'

// What a session's public id says of its client (C9, G5): the first half of its digits is the client's, alike in all
// sessions of one client, in whatever group; the rest is the session's own. Servers make it; whoever shows lists reads it.

/** Of the 32 digits of a public id. */
export const clientDigits = 16

/** The half that all sessions of one client share. */
export function clientOf(publicId: string): string {
  return publicId.slice(0, clientDigits)
}

// `holdfast token`: a new access token, and what the access file needs of it. It asks no server and changes no file.

import { randomBytes } from 'node:crypto'
import { hashOf } from '../wire/net/secret.ts'
import { type Command, json } from './arguments.ts'
import { note, print, printJson } from './output.ts'

const options = { ...json }

/** 256 random bits: no search finds it from its hash, so that the hash needs no salt. */
const tokenBytes = 32

export const command: Command<typeof options> = {
  usage: 'token [NAME] [options]',
  does: 'make an access token, and the line for the access file',
  more: `stdout gets the token, which its program shows (HOLDFAST_ACCESS_TOKEN), and below it what goes into "principals" of the
access file (--access of the servers). The file has only the SHA-256 of the token: it can't be used by those who read the file.
The token is shown only this once. --json prints { token, sha256 }. A token is good as a --server-secret, too.`,
  options,
  names: ['NAME?'],
  async run({ values, names: [name = 'NAME'] }) {
    const token = `hf_${randomBytes(tokenBytes).toString('base64url')}`
    const sha256 = hashOf(token)
    if (values.json) return printed({ token, sha256 })
    print(token)
    const entry = { tokens: [sha256], rules: [{ prefix: '', verbs: ['acquire', 'read'] }] }
    print(`${JSON.stringify(name)}: ${JSON.stringify(entry)}`)
    note('the token is shown this once; give the rules the prefixes and verbs that the program needs')
    return 0
  },
}

function printed(made: object): number {
  printJson(made)
  return 0
}

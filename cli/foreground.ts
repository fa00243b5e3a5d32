// Whether a person at a terminal reads what this process prints and types what it reads: no pipe, no `&`.

import { readFileSync } from 'node:fs'

/** True if stdin and stdout are a terminal; null if they are, but it can't be known who has it. */
export function ownsTerminal(): boolean | null {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false
  try {
    // pid (comm) state ppid pgrp session tty_nr tpgid
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return fields[2] === fields[5]
  } catch {
    return null
  }
}

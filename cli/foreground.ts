// Whether this process reads from and prints to a terminal in the foreground: no pipe, no `&`.

import { readFileSync } from 'node:fs'

/** True if stdin and stdout are a terminal; null if they are, but its foreground group can't be read. */
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

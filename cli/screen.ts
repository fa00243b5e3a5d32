// A few lines at the foot of the terminal, below those that scroll, and keys as they are typed. It doesn't
// know what the keys mean; whatever happens, it restores the terminal.

import { writeSync } from 'node:fs'
import { ownsTerminal } from './foreground.ts'
import { clip, print, widthOf } from './output.ts'

const hideCursor = '\x1b[?25l'
const showCursor = '\x1b[?25h'
const eraseBelow = '\x1b[J'

export class Screen {
  readonly #onKey: (key: string) => void
  #lines: readonly string[] = []
  /** The lines on the terminal now, as they were cut to its width. */
  #drawn: readonly string[] = []
  #open = false
  readonly #typed = (text: string) => {
    for (const key of keysOf(text)) this.#onKey(key)
  }
  readonly #restore = () => this.close()
  /** The process was stopped and is in the foreground again; another program may have used the terminal. */
  readonly #continued = () => {
    this.#drawn = []
    this.#take()
    this.show(this.#lines)
  }
  readonly #resized = () => this.show(this.#lines)

  constructor(onKey: (key: string) => void) {
    this.#onKey = onKey
  }

  open(): void {
    this.#open = true
    process.once('exit', this.#restore)
    process.on('SIGCONT', this.#continued)
    process.stdout.on('resize', this.#resized)
    process.stdin.setEncoding('utf8').on('data', this.#typed)
    // The terminal is gone: a SIGHUP comes as well.
    process.stdin.on('error', () => {})
    this.#take()
  }

  close(): void {
    if (!this.#open) return
    this.#yield()
    this.#open = false
    process.off('exit', this.#restore)
    process.off('SIGCONT', this.#continued)
    process.stdout.off('resize', this.#resized)
    process.stdin.off('data', this.#typed).pause()
  }

  /** One line that scrolls by above the lines at the foot. */
  say(line: string): void {
    if (!this.#open) return print(line)
    process.stdout.write(`${this.#erased()}${line}\n`)
    this.#draw()
  }

  /** Replaces the lines at the foot. */
  show(lines: readonly string[]): void {
    this.#lines = lines
    if (!this.#open) return
    process.stdout.write(this.#erased())
    this.#draw()
  }

  /** Does what Ctrl-Z does where it is not read as a key: stops the whole job. */
  suspend(): void {
    this.#yield()
    process.off('SIGCONT', this.#continued)
    process.kill(0, 'SIGTSTP') // it returns when the job continues
    process.on('SIGCONT', this.#continued)
    this.#continued()
  }

  /** A program in the background must not change the terminal: the system would stop it. */
  #take(): void {
    if (ownsTerminal() === false) return
    process.stdin.setRawMode(true).resume()
    process.stdout.write(hideCursor)
  }

  /** At once, since the process may be about to end. */
  #yield(): void {
    try {
      if (ownsTerminal() !== false) process.stdin.setRawMode(false)
      writeSync(1, this.#erased() + showCursor)
    } catch {} // the terminal is gone
  }

  #draw(): void {
    const { columns, rows } = process.stdout
    const width = columns || 80
    this.#drawn = this.#lines.slice(0, Math.max(1, (rows || 24) - 1)).map(line => clip(line, width - 1))
    process.stdout.write(this.#drawn.map(line => `${line}\n`).join(''))
  }

  /** A terminal that became narrower has broken long lines in two. */
  #erased(): string {
    const width = process.stdout.columns || 80
    const height = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / width)), 0)
    this.#drawn = []
    return `${height === 0 ? '' : `\x1b[${height}A`}\r${eraseBelow}`
  }
}

/** A key is a character, or what a special key sends: ESC and the characters after it. */
export function keysOf(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: special keys send control sequences.
  return text.match(/\x1b[[O][\d;]*[A-Za-z~]|\x1b|[^\x1b]/gu) ?? []
}

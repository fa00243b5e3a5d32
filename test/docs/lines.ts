// The lines of blocks `sh`: each is run, or stands here with the reason why not, and with what runs in its place.

/** What is not run, and why. The first that fits counts. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [/^npm ci && npm pack/, '.ci/run runs npm ci, and this test npm pack'],
  [/^npm ci && npm (start|test)/, '.ci/run runs npm test; npm start goes on until it is ended'],
  [
    /^npm install --global|^install -d|^cp \/usr\/lib/,
    'it changes the machine; npm run check:package installs, npm run check:units reads the units',
  ],
  [/^kill \$\(jobs -p\)/, 'the scene ends what it has started, and other servers of it are still needed'],
  [/^systemctl/, 'it needs systemd as process 1; npm run check:units has it check the units'],
  [
    /^(docker|kubectl|sudo chown|sudo chmod)/,
    'there is no engine here; npm run test:deploy runs what it runs',
  ],
  [/--record etcd:/, 'it needs three etcd; npm run test:record has them'],
  [/^holdfast adopt/, 'it needs a lost record; npm run test:one -- adoption has one'],
  [/--inspect-brk/, 'it waits for a debugger'],
  [
    /^npm run simulate -- (?!--seed 4711 --(trace|hash))/,
    'minutes or hours; .ci/run runs five hundred seeds',
  ],
  [/^npm run (?!simulate)/, 'a suite of its own: .ci/run runs its short form'],
]

export interface Line {
  readonly line: number
  readonly text: string
  /** Why it is not run. */
  readonly reason: string | undefined
}

/** The commands of a block; one that ends in a backslash goes on in the next line. */
export function linesOf(text: string, first: number): Line[] {
  const lines: Line[] = []
  let open = ''
  for (const [i, each] of text.trimEnd().split('\n').entries()) {
    const whole = open === '' ? each.trim() : `${open} ${each.trim()}`
    open = whole.endsWith('\\') ? whole.slice(0, -1).trim() : ''
    if (open !== '' || whole === '' || whole.startsWith('#')) continue
    const reason = reasons.find(([pattern]) => pattern.test(whole))?.[1]
    lines.push({ line: first + i + 1, text: whole, reason })
  }
  return lines
}

// `npm run check:units`: systemd-analyze checks the units in deploy/. It requires that the programs that they
// start exist, so the check uses a copy that starts this checkout's own command.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { tool } from './tool.ts'

const deploy = fileURLToPath(new URL('../../../deploy/', import.meta.url))
const command = fileURLToPath(new URL('../../cli/main.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'holdfast-units-'))

try {
  for (const name of readdirSync(deploy).filter(file => file.endsWith('.service'))) {
    const text = readFileSync(deploy + name, 'utf8')
    const [line, args] = /^ExecStart=\/usr\/bin\/holdfast (.*)$/m.exec(text) ?? []
    if (line === undefined) throw new Error(`${name} does not start /usr/bin/holdfast`)
    const copy = join(folder, name)
    writeFileSync(copy, text.replace(line, `ExecStart=${command} ${args}`))
    const said = tool('systemd-analyze', ['verify', '--man=no', copy], 'systemd')
    if (said.includes(name)) throw new Error(said)
    // The unit's arguments must be those that the command takes; the missing ones are in the environment
    // file.
    const words = (args ?? '').split(' ').filter(word => !word.startsWith('$'))
    const only = words[0] === 'init' ? '--help' : '--print-config'
    tool(process.execPath, [command, ...words, only], 'nodejs')
    console.log(`${name}: nothing to complain of`)
  }
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

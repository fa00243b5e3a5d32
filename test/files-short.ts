// B3: a process that can open no more files takes no connection, and Node says nothing of it. A server looks by itself, once
// a second: it says so in its log, once a minute, and counts it. The shortage is simulated: calls of node:fs fail.

import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import t, { type Test } from 'tap'
import { startLockServer } from '../lockserver/index.ts'
import { filesAllowed, filesLack, filesOpen } from '../wire/net/edge-room.ts'
import { silent } from '../wire/serving/log.ts'
import { startBegun } from './fixtures/begun.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'

const calls = ['openSync', 'readFileSync', 'readdirSync'] as const

/** From now on these calls fail, for those paths only that are looked at for this. */
function shortOf(t: Test, code: string): () => void {
  const real = { ...fs }
  const replace = (make: (call: (typeof calls)[number]) => unknown) => {
    for (const call of calls) Object.assign(fs, { [call]: make(call) })
    syncBuiltinESMExports()
  }
  replace(call => (...args: unknown[]) => {
    if (!/^(\/dev\/null|\\\\\.\\nul|\/proc\/self\/.*)$/.test(String(args[0])))
      return (real[call] as (...args: unknown[]) => unknown)(...args)
    throw Object.assign(new Error(`${code}: simulated`), { code })
  })
  const mend = () => replace(call => real[call])
  t.teardown(mend)
  return mend
}

t.test('B3: no more files are a log line, once a minute, and a count', async t => {
  const lines: object[] = []
  const warn = (fields: object, text: string) => void (/^no more files/.test(text) && lines.push(fields))
  const log = { ...silent, warn }
  await using viewServer = await startBegun({ port: 0, data: folderOf(t), log })
  await using lockServer = await startLockServer({ view: [viewServer.address], log })
  const counts = async () => {
    const pages = [lockServer.pages, viewServer.pages].map(async url =>
      (await fetch(`${url}/metrics`)).text(),
    )
    return (await Promise.all(pages)).map(page =>
      Number(/^holdfast_files_short_total (\d+)$/m.exec(page)?.[1] ?? Number.NaN),
    )
  }
  t.same(await counts(), [0, 0])
  // A line names its server's view and role: with others it is another line.
  await until('the view is acked', () => viewServer.status().acked)
  const mend = shortOf(t, 'EMFILE')
  await until('both have looked twice', async () => (await counts()).every(count => count >= 2))
  mend()
  t.match(lines, [{ code: 'EMFILE' }, { code: 'EMFILE' }])
  t.equal(lines.length, 2, 'one of each server')
})

t.test('while no file can be opened, as many are open as may be; the limit is the last one seen', async t => {
  const allowed = filesAllowed()
  t.ok(filesOpen() < allowed)
  t.equal(filesLack(), null)
  const mend = shortOf(t, 'EMFILE')
  t.equal(filesOpen(), allowed)
  t.equal(filesAllowed(), allowed)
  t.equal(filesLack(), 'EMFILE')
  mend()
  shortOf(t, 'ENFILE')
  t.equal(filesLack(), 'ENFILE', 'the whole system has none left')
  shortOf(t, 'EACCES')
  t.equal(filesLack(), null, 'another error is no shortage')
})

// docs/API.md must have every exported name of an entry, and every public code and option, so that each
// addition comes with its documentation. (npm run check:package checks that its examples compile.)

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { errors } from '../wire/errors.ts'
import { packageVersion } from '../wire/version.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8')
const text = read('docs/API.md')
const manifest = JSON.parse(read('package.json')) as {
  version: string
  exports: Record<string, string | { default: string }>
}

/** The names after `export`, in any of its forms. */
function exportsOf(file: string): string[] {
  const code = read(file)
  const lists = [...code.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = '']) =>
    list.split(','),
  )
  const declared = [...code.matchAll(/export (?:async )?(?:function|class|const|interface|type) (\w+)/g)]
  const names = [
    ...lists.map(name => name.replace(/\btype\b/, '').trim()),
    ...declared.map(([, name = '']) => name),
  ]
  return names.filter(name => name !== '')
}

for (const [entry, to] of Object.entries(manifest.exports)) {
  if (typeof to === 'string') continue
  t.test(`every name of holdfast${entry.slice(1)}`, async t => {
    const names = exportsOf(to.default.replace('./dist/', '').replace(/\.js$/, '.ts'))
    t.ok(names.length > 0)
    for (const name of names) t.match(text, new RegExp(`\\b${name}\\b`), name)
    t.match(text, `\`holdfast${entry.slice(1)}\``)
  })
}

/** The blocks that compile: npm run check:package also takes all of these. */
const examples = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code).join('\n')

t.test('every name is used in an example', async t => {
  for (const [entry, to] of Object.entries(manifest.exports)) {
    if (typeof to === 'string') continue
    const names = exportsOf(to.default.replace('./dist/', '').replace(/\.js$/, '.ts'))
    t.ok(names.length > 0, entry)
    for (const name of names)
      t.ok(new RegExp(`\\b${name}\\b`).test(examples), `holdfast${entry.slice(1)}: ${name}`)
  }
})

t.test('every option and member of the interfaces that programs write', async t => {
  for (const [file, ...interfaces] of [
    [
      'client/options.ts',
      'Limits',
      'ConnectOptions',
      'QueryOptions',
      'ClientsOptions',
      'WatchOptions',
      'CloseOptions',
    ],
    ['client/claim-options.ts', 'Permits', 'HoldOptions', 'ExactSteal', 'OnceOptions', 'ForceReleaseOptions'],
    ['client/once.ts', 'RunBefore'],
    ['client/lead.ts', 'LeadOptions', 'Lead'],
    ['client/leader.ts', 'Leader'],
    ['client/leader-watch.ts', 'LeaderOptions'],
    ['client/lock.ts', 'LockData'],
    ['client/cron.ts', 'CoordinatorOptions', 'Coordinator'],
    ['client/opentelemetry/index.ts', 'TraceOptions', 'LockTraces'],
    ['client/events.ts', 'ListenOptions', 'ClientEvents'],
    ['client/web-locks.ts', 'HeldLock', 'PendingLock', 'Snapshot', 'NearestSnapshot'],
    ['client/clients.ts', 'ListedClient', 'ListedLocks', 'ClientList'],
    ['viewservice/options.ts', 'ViewServerOptions'],
    ['lockserver/options.ts', 'LockServerOptions'],
    ['lockserver/server.ts', 'LockServer'],
    ['testing/options.ts', 'TestClusterOptions'],
    ['testing/cluster.ts', 'TestCluster'],
  ] as const)
    for (const each of interfaces) {
      const [, body = ''] =
        new RegExp(`interface ${each}\\b[^{]*\\{\\n([\\s\\S]*?)\\n\\}`).exec(read(file)) ?? []
      const members = [...body.matchAll(/^ {2}(?:readonly )?(\w+)[?(:]/gm)].map(([, name = '']) => name)
      t.ok(members.length > 0, `${each} has members`)
      for (const member of members)
        t.match(text, new RegExp(`\`${member}\\b|\\b${member}\\b.*\``), `${each}.${member}`)
    }
})

t.test('the version that clients tell servers is that of the package', async t => {
  t.equal(packageVersion, manifest.version)
})

t.test('every code that a call of the client may reject with', async t => {
  for (const [code, { reaction }] of Object.entries(errors))
    if (reaction === 'tell the caller' && code !== 'RESET_REFUSED') t.match(text, `\`${code}\``, code)
})

// The command used wrongly: one line with the mistake and the right form, exit code 2.

import { join } from 'node:path'
import { t } from 'tap'
import { type Command, environmentName, fileVariable, readArguments } from '../cli/arguments.ts'
import { commandEnvironment } from '../cli/command-environment.ts'
import { readDuration, showDuration } from '../cli/duration.ts'
import { strangersIn, variables } from '../cli/environment.ts'
import { UsageError } from '../cli/failure.ts'
import { command as run } from '../cli/run.ts'
import { takeSecretFiles } from '../cli/secret-files.ts'
import { rowLines, textLines } from '../cli/wrap.ts'
import { holdfast } from './fixtures/command.ts'
import { folderOf } from './fixtures/folder.ts'

type Environment = Record<string, string>
type Loader = () => Promise<{ command: Command }>

const commands: Record<string, Loader> = {
  cluster: () => import('../cli/cluster.ts'),
  viewserver: () => import('../cli/viewserver.ts'),
  lockserver: () => import('../cli/lockserver.ts'),
  status: () => import('../cli/status.ts'),
  locks: () => import('../cli/locks.ts'),
  run: () => import('../cli/run.ts'),
  hold: () => import('../cli/hold.ts'),
  steal: () => import('../cli/steal.ts'),
  release: () => import('../cli/release.ts'),
  kill: () => import('../cli/kill.ts'),
  bench: () => import('../cli/bench.ts'),
  watch: () => import('../cli/watch.ts'),
  why: () => import('../cli/why.ts'),
  reset: () => import('../cli/reset.ts'),
  recover: () => import('../cli/recover.ts'),
  journal: () => import('../cli/journal.ts'),
}

t.test('all mistakes are named at once, one line for each, and none twice', async t => {
  const { code, stdout, stderr } = await holdfast(
    t,
    ['viewserver', '--listen', '0.0.0.0:1', '--ping-interval-ms', 'x', '--foo', '--foo'],
    { HOLDFAST_DEAD_PINGS: '0', HOLDFAST_LOG_LEVEL: 'loud' },
  )
  t.match({ code, stdout }, { code: 2, stdout: '' })
  const lines = stderr.trimEnd().split('\n')
  t.equal(lines.length, 6)
  for (const named of [
    /--foo/,
    /--ping-interval-ms.*"x"/,
    /DEAD_PINGS.*"0"/,
    /LOG_LEVEL/,
    /--secret/,
    /--data/,
  ])
    t.ok(
      lines.some(line => line.startsWith('holdfast: ') && named.test(line)),
      String(named),
    )
  const twice = await holdfast(t, ['lockserver', '--listen', '0.0.0.0:99999999'])
  t.equal(twice.stderr.split('\n').length, 2, 'what could not be read is not missing besides')
})

t.test('--print-config: each value and where it comes from; no secret; nothing is started', async t => {
  const environment = { HOLDFAST_DEAD_PINGS: '7', HOLDFAST_SECRET: 'open sesame', HOLDFAST_DRAIN_MS: '5' }
  const print = async (...args: string[]) =>
    (await holdfast(t, [...args, '--print-config'], environment)).stdout
  const lock = await print('lockserver', '--listen', '10.0.0.2:7401', '--drain-ms=9')
  t.match(lock, /^listen +10\.0\.0\.2:7401 +flag --listen$/m)
  t.match(lock, /^drain-ms +9 +flag --drain-ms$/m, 'a flag wins')
  t.match(lock, /^dead-pings +7 +HOLDFAST_DEAD_PINGS$/m)
  t.match(lock, /^ping-interval-ms +100 +default$/m)
  t.match(lock, /^secret +\(hidden\) +HOLDFAST_SECRET$/m)
  const all = [lock, await print('viewserver', '--data', 'd'), await print('cluster')]
  for (const text of all) t.notMatch(text, /sesame/)
  t.match(all[2], /^servers +3 +default$/m)
  t.match(all[2], /^dead-pings +7 +HOLDFAST_DEAD_PINGS$/m, 'what its servers will take')
  const wrong = await holdfast(t, ['cluster', '--print-config'], { HOLDFAST_DEAD_PINGS: 'many' })
  t.match(wrong, { code: 2, stdout: '', stderr: /HOLDFAST_DEAD_PINGS/ })
})

t.test('a secret in a file that the environment names', async t => {
  const folder = folderOf(t, { secret: 'open sesame, and more\n', empty: '\n' })
  const print = (environment: NodeJS.ProcessEnv) => holdfast(t, ['lockserver', '--print-config'], environment)
  const well = await print({ HOLDFAST_SERVER_SECRET_FILE: join(folder, 'secret') })
  t.match(well.stdout, /^server-secret +\(hidden\) +HOLDFAST_SERVER_SECRET_FILE$/m)
  t.notMatch(well.stdout, /sesame/)
  for (const [environment, stderr] of [
    [{ HOLDFAST_SECRET_FILE: join(folder, 'none') }, /HOLDFAST_SECRET_FILE: can't be read: .*ENOENT/],
    [{ HOLDFAST_SECRET_FILE: join(folder, 'empty') }, /HOLDFAST_SECRET_FILE: .* is empty/],
    [
      { HOLDFAST_SECRET_FILE: join(folder, 'secret'), HOLDFAST_SECRET: 'other' },
      /SECRET_FILE differ; give one/,
    ],
    [{ HOLDFAST_SECERT_FILE: join(folder, 'secret') }, /did you mean HOLDFAST_SECRET_FILE\?/],
  ] as const)
    t.match(await print(environment), { code: 2, stdout: '', stderr })
  const environment: NodeJS.ProcessEnv = { HOLDFAST_SECRET_FILE: join(folder, 'secret') }
  takeSecretFiles(run.options, environment)
  t.equal(
    readArguments(run, ['x'], environment).values.secret,
    'open sesame, and more',
    'without its last line feed',
  )
  t.same(commandEnvironment(environment, {}), {}, "run's command gets neither of them")
})

t.test('a mistyped variable: servers refuse it, other commands say so and go on', async t => {
  const mistyped = { HOLDFAST_PING_INTERVALL_MS: '50', HOLDFAST_SECERT: 'x', HOLDFAST_DRAIN: '1' }
  const others = {
    HOLDFAST_TOKEN: '7',
    HOLDFAST_TEST_CUTS: '1',
    HOLDFAST_DATA: 'd',
    HOLDFAST_PORT: 'tcp://10.0.0.9',
  }
  const server = await holdfast(t, ['lockserver', '--print-config'], { ...mistyped, ...others })
  t.match({ code: server.code, stdout: server.stdout }, { code: 2, stdout: '' })
  t.same(server.stderr.trimEnd().split('\n').sort(), [
    'holdfast: HOLDFAST_DRAIN is no option; did you mean HOLDFAST_DRAIN_MS?',
    'holdfast: HOLDFAST_PING_INTERVALL_MS is no option; did you mean HOLDFAST_PING_INTERVAL_MS?',
    'holdfast: HOLDFAST_SECERT is no option; did you mean HOLDFAST_SECRET?',
  ])
  t.match(await holdfast(t, ['cluster', '--print-config'], mistyped), {
    code: 2,
    stderr: /PING_INTERVAL_MS\?/,
  })
  const well = await holdfast(t, ['lockserver', '--print-config'], others)
  t.match(well, { code: 0, stderr: /^holdfast: HOLDFAST_PORT is no option, and has no effect\n$/ })
  const client = await holdfast(t, ['run', 'x'], { ...mistyped, ...others })
  t.match(client.stderr, /HOLDFAST_SECERT is no option; did you mean HOLDFAST_SECRET\?/)
  t.notMatch(client.stderr, /PORT|DRAIN|TOKEN|DATA/)
})

t.test('every variable that a command reads is known', async t => {
  const read = new Set<string>()
  for (const load of Object.values(commands)) {
    const { options, passesOn } = (await load()).command
    for (const [name, { environment, secret }] of Object.entries({ ...options, ...passesOn })) {
      if (environment) read.add(environmentName(name))
      if (environment && secret) read.add(fileVariable(name))
    }
  }
  const known = variables.filter(name => name !== 'HOLDFAST_LOCK' && name !== 'HOLDFAST_TOKEN')
  t.same([...read].sort(), [...known].sort())
  for (const [name, meant] of [
    ['HOLDFAST_VEIW', 'HOLDFAST_VIEW'],
    ['HOLDFAST_DEADPINGS', 'HOLDFAST_DEAD_PINGS'],
    ['HOLDFAST_ORIGINS', 'HOLDFAST_ORIGIN'],
    ['HOLDFAST_PING_INTERVAL', 'HOLDFAST_PING_INTERVAL_MS'],
    ['HOLDFAST_SERVICE_HOST', null],
    ['HOLDFAST_PORT_7400_TCP_PROTO', null],
    ['HOLDFAST_VIEWSERVER_SERVICE_HOST', null],
    ['HOLDFAST_VERSION', null],
  ] as const)
    t.same(strangersIn({ [name]: '1' }, variables), [{ name, meant }])
})

async function misuse(command: Command, args: readonly string[], environment: Environment): Promise<Error> {
  try {
    await command.run(readArguments(command, args, environment))
  } catch (error) {
    return error as Error
  }
  return new Error('it was not refused')
}

/** Arguments, a text that the line must contain, and perhaps the environment. */
const misuses: readonly (readonly [readonly string[], readonly string[], Environment?])[] = [
  [
    ['status', '--foo'],
    ['--foo', '--view', '--json'],
  ],
  [
    ['status', 'now'],
    ['"now"', 'holdfast status'],
  ],
  [
    ['status', '--json=yes'],
    ['--json', 'no value'],
  ],
  [
    ['status', '--view'],
    ['--view', 'needs a value', 'URL'],
  ],
  [
    ['status', '--view', 'localhost:7400'],
    ['--view', 'ws://127.0.0.1:7400', 'localhost:7400'],
  ],
  [
    ['status', '--view', 'ws://a', '--view', 'ws://b'],
    ['--view', 'once'],
  ],
  [['status'], ['HOLDFAST_VIEW', 'http://x'], { HOLDFAST_VIEW: 'http://x' }],
  [
    ['locks', 'a', 'b'],
    ['"b"', '[PREFIX]'],
  ],
  [['run'], ['NAME', 'run NAME']],
  [
    ['run', 'demo'],
    ['command is missing', '--'],
  ],
  [
    ['run', 'demo', 'sleep', '1'],
    ['"sleep"', '--'],
  ],
  [
    ['run', 'demo', '--wait', 'soon', '--', 'true'],
    ['--wait', '10s', 'soon'],
  ],
  [
    ['run', 'demo', '--wait', '10', '--', 'true'],
    ['--wait', '10s', '"10"'],
  ],
  [
    ['run', 'demo', '--wait', '--shared', '--', 'true'],
    ['--wait', 'needs a value'],
  ],
  [
    ['run', 'demo', '--ttl', '11m', '--', 'true'],
    ['--ttl', '10m'],
  ],
  [
    ['run', 'n'.repeat(1025), '--', 'true'],
    ['NAME', '1024 bytes'],
  ],
  [
    ['hold', ''],
    ['NAME', 'empty'],
  ],
  [['steal'], ['NAME', 'steal NAME']],
  [
    ['release', 'demo'],
    ['demo', '--force'],
  ],
  [['kill'], ['primary|backup|ID']],
  [
    ['kill', 'everything'],
    ['primary', 'backup', '"everything"'],
  ],
  [['reset'], ['gives up all locks', '--yes']],
  [['recover'], ['--gone ID', 'holdfast status']],
  [
    ['recover', '--gone', 'x'],
    ['--gone', '32 hexadecimal digits', '"x"'],
  ],
  [
    ['reset', '--yes', '--view-number', 'x'],
    ['--view-number', 'whole number', '"x"'],
  ],
  [
    ['cluster', '--servers', '0'],
    ['--servers', '1 to 32', '"0"'],
  ],
  [
    ['cluster', '--port', '65534'],
    ['--port', '65534', '3 lock servers'],
  ],
  [['viewserver'], ['--data', 'HOLDFAST_DATA']],
  [
    ['viewserver', '--data', '/tmp', '--listen', '7400'],
    ['--listen', 'HOST:PORT', '"7400"'],
  ],
  [
    ['viewserver', '--data', '/tmp', '--listen', '0.0.0.0:0'],
    ['--listen', '--secret', '--insecure'],
  ],
  [
    ['lockserver', '--listen', '0.0.0.0:0', '--insecure'],
    ['--advertise', '0.0.0.0'],
  ],
  [
    ['lockserver', '--ping-interval-ms', '0'],
    ['--ping-interval-ms', '1 to 60000'],
  ],
  [['lockserver'], ['HOLDFAST_DEAD_PINGS', '2 to 1000', '"one"'], { HOLDFAST_DEAD_PINGS: 'one' }],
  [
    ['lockserver', '--log-level', 'loud'],
    ['--log-level', 'debug, info', 'loud'],
  ],
  [['lockserver'], ['HOLDFAST_INSECURE', '1 or 0'], { HOLDFAST_INSECURE: 'maybe' }],
]

t.test('each misuse gets one line that names it, and exit code 2', async t => {
  for (const [[name = '', ...args], named, environment = {}] of misuses) {
    const what = `holdfast ${[name, ...args].join(' ').slice(0, 60)}`
    const { command } = await (commands[name] as Loader)()
    const error = await misuse(command, args, environment)
    t.type(error, UsageError, what)
    t.notMatch(error.message, '\n', `${what}: one line`)
    for (const word of named) t.ok(error.message.includes(word), `${what}: names ${word}`, { error })
  }
})

t.test('a mistyped command: what was probably meant; else all there are', async t => {
  for (const [given, meant] of [
    ['statsu', 'status'],
    ['lock', 'locks'],
    ['Watch', 'watch'],
  ] as const)
    t.match(await holdfast(t, [given]), {
      code: 2,
      stderr: new RegExp(`there is no command "${given}"; did you mean ${meant}\\? See`),
    })
  t.match(await holdfast(t, ['frobnicate']), {
    code: 2,
    stderr: /there are cluster, init, adopt, viewserver/,
  })
})

t.test('the process says it on stderr and exits with 2', async t => {
  for (const args of [['frobnicate'], ['status', '--foo'], ['reset']]) {
    const { code, stdout, stderr } = await holdfast(t, args)
    t.match({ code, stdout }, { code: 2, stdout: '' }, args.join(' '))
    t.match(stderr, /^holdfast: [^\n]+\n$/, 'one line')
  }
})

t.test('help and version go to stdout', async t => {
  const all = await holdfast(t, ['--help'])
  t.equal(all.code, 0)
  for (const name of Object.keys(commands))
    t.match(all.stdout, new RegExp(`^  ${name}\\b`, 'm'), `lists ${name}`)
  const [own, inside, version] = await Promise.all([
    holdfast(t, ['lockserver', '--help']),
    holdfast(t, ['run', 'demo', '--', 'ls', '--help'], { HOLDFAST_VIEW: 'nonsense' }),
    holdfast(t, ['--version']),
  ])
  t.match(own.stdout, /--advertise URL +.*\(HOLDFAST_ADVERTISE\)/)
  t.match(inside, { code: 125, stdout: '' }, 'what stands behind -- is not ours')
  t.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
  for (const other of ['version', '-V', '-v'])
    t.same((await holdfast(t, [other])).stdout, version.stdout, other)
})

t.test('a command line is sorted into options, names and what stands behind --', async t => {
  const given = readArguments(run, ['a b', '--wait=1.5s', '--shared', '--', 'sh', '-c', '--wait'], {})
  t.same(given.names, ['a b'])
  t.same(given.rest, ['sh', '-c', '--wait'])
  t.match(given.values, { wait: 1_500, shared: true, ttl: undefined })
})

t.test('a flag wins over the environment, and an empty variable is none', async t => {
  const environment = { HOLDFAST_VIEW: 'ws://env', HOLDFAST_SECRET: '' }
  const read = (...args: string[]) => readArguments(run, ['x', ...args], environment).values
  t.same(read().view, ['ws://env'])
  t.same(read('--view', 'ws://flag, ws://b/').view, ['ws://flag', 'ws://b'])
  t.equal(read().secret, undefined)
})

t.test('times are written with a unit', async t => {
  for (const [text, ms] of [
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['0', 0],
  ] as const)
    t.equal(readDuration(text, '--wait'), ms, text)
  for (const text of ['10', '-1s', '1 s', '1w', 's', '', '1e3ms'])
    t.throws(() => readDuration(text, '--wait'), UsageError, JSON.stringify(text))
  t.same([5, 1_500, 90_000, 5_400_000].map(showDuration), ['5 ms', '1.5 s', '1 m 30 s', '1 h 30 m'])
})

t.test('a mistyped option: the one that was meant, and no word about what follows it', async t => {
  for (const [args, meant] of [
    [['locks', '--watiing'], 'waiting'],
    [['run', 'x', '--tiemout', '3s', '--', 'true'], 'timeout'],
    [['status', '--Check'], 'check'],
  ] as const) {
    const { code, stderr } = await holdfast(t, [...args])
    t.match({ code }, { code: args[0] === 'run' ? 125 : 2 })
    t.match(stderr, new RegExp(`^holdfast: there is no option --\\w+; did you mean --${meant}\\?\n$`))
  }
  const { stderr } = await holdfast(t, ['status', '--colour'])
  t.match(stderr, /^holdfast: there is no option --colour; there are --view, .* and --help\n$/)
})

t.test('without a cluster: only on this machine the word is to start one', async t => {
  const [local, other] = ['ws://127.0.0.1:1', 'ws://no-such-host.invalid:1']
  for (const [url, starts] of [
    [local, true],
    [other, false],
  ] as const) {
    const { code, stderr } = await holdfast(t, ['run', 'x', '--wait', '1s', '--view', url, '--', 'true'])
    t.match({ code }, { code: 125 })
    t.match(stderr, /see 'holdfast status'; .*give --view \(HOLDFAST_VIEW\) the right URL\n$/)
    t.equal(/holdfast cluster/.test(stderr), starts, url)
  }
  const status = await holdfast(t, ['status', '--view', other])
  t.match(status, { code: 1, stderr: /with lock servers in --view, too, status asks those\n$/ })
})

t.test('help on a terminal is no wider than it, and says all that it says in a pipe', async t => {
  const text = 'Ends with exit code 0 at SIGINT,\nafter it has released the lock.\n\n日本語 ends here.'
  t.same(textLines(text, null), [text])
  t.same(textLines(text, 24), [
    'Ends with exit code 0 at',
    'SIGINT, after it has',
    'released the lock.',
    '',
    '日本語 ends here.',
  ])
  t.same(rowLines('--wait TIME', 'the longest wait for the lock', 12, null), [
    '  --wait TIME   the longest wait for the lock',
  ])
  t.same(rowLines('--wait TIME', 'the longest wait for the lock', 12, 30), [
    '  --wait TIME   the longest',
    '                wait for the',
    '                lock',
  ])
  t.same(rowLines('--a-long-option TIME', 'as it is', 12, 30), [
    '  --a-long-option TIME  as it',
    '                is',
  ])
})

// Tokens that issuers have signed (A3): which are good, in what words each other one is refused, and what becomes of those that
// were good when keys, rules or issuers change. With real keys and real signatures, without a server.

import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { allows } from '../wire/access/principal.ts'
import { readAccess } from '../wire/access/table.ts'
import { Guard, openAccess, type Proven } from '../wire/net/guard.ts'
import { hashOf } from '../wire/net/secret.ts'
import { IssuedTokens } from '../wire/serving/issued-tokens.ts'
import { until } from './fixtures/deadline.ts'
import { folderOf } from './fixtures/folder.ts'
import { TokenIssuer } from './fixtures/token-issuer.ts'

const iss = 'https://login.example.org/'
const roles = {
  worker: [{ prefix: 'orders/', verbs: ['acquire', 'read'] }],
  operator: [{ verbs: ['operate'] }],
}

/** The text of an access file with one issuer, `login`. */
function fileWith(login: object, more: object = {}): string {
  const given = { issuer: iss, audience: 'holdfast', keys: 'keys.json', claims: { roles: 'roles' }, ...login }
  return JSON.stringify({ format: 2, roles, issuers: { login: given }, ...more })
}

/** A guard with an issuer whose keys lie in a file, and what it says of tokens. */
async function story(t: Test, login: object = {}, issuer = new TokenIssuer(iss)) {
  if (issuer.keys.length === 0) await issuer.addKey('first')
  const folder = folderOf(t, { 'keys.json': issuer.set() })
  const table = readAccess(fileWith(login))
  const tokens = await IssuedTokens.open(table, folder)
  const guard = new Guard({ ...openAccess, table }, tokens)
  const comes = async (token: string) => {
    const problem = await guard.check('client', token)
    if (problem !== null) return `${problem.code}: ${problem.message}`
    try {
      return guard.prove('client', token)
    } catch (error) {
      return String(error)
    }
  }
  const writeKeys = async (set: string) => {
    writeFileSync(join(folder, 'keys.json'), set)
    await tokens.reload()
  }
  return { issuer, folder, tokens, guard, comes, writeKeys }
}

/** Of a token that is good. */
function good(proven: Proven | string): Proven {
  if (typeof proven === 'string') throw new Error(proven)
  return proven
}

t.test('A3: a good token is its principal, with the rules of its roles and of its claims', async t => {
  const { issuer, comes } = await story(t, { claims: { roles: 'realm.roles', rules: 'holdfast' } })
  const come = async (claims: object) => {
    return good(await comes(await issuer.token({ sub: 'billing', ...claims }))).principal
  }
  const worker = await come({ realm: { roles: ['worker', 'of another system'] } })
  t.equal(worker?.name, 'billing (login)')
  t.ok(allows(worker, 'acquire', 'orders/1'))
  t.notOk(allows(worker, 'acquire', 'payroll/1'))
  t.notOk(allows(worker, 'operate', null))
  const both = await come({
    realm: { roles: 'worker operator' },
    holdfast: [{ prefix: 'x/', verbs: ['steal'] }],
  })
  t.ok(allows(both, 'operate', null))
  t.ok(allows(both, 'steal', 'x/1'))
  for (const algorithm of ['RS256', 'PS256', 'EdDSA', 'ES384']) {
    const other = new TokenIssuer(iss)
    await other.addKey('k', algorithm)
    const { comes } = await story(t, {}, other)
    t.match(
      await comes(await other.token({ sub: 'a', roles: 'worker' })),
      { principal: { name: 'a (login)' } },
      algorithm,
    )
  }
})

const base64 = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

const billing = { sub: 'billing', roles: ['worker'] }

/** What is wrong with each, the token, and in what words it is refused. */
async function wrongTokens(issuer: TokenIssuer): Promise<[string, string, RegExp][]> {
  const stranger = new TokenIssuer(iss)
  await stranger.addKey('first')
  await stranger.addKey('unknown')
  const rsa = await new TokenIssuer(iss).addKey('first', 'RS256')
  const [header = '', payload = '', signature = ''] = (await issuer.token(billing)).split('.')
  const unsigned = `${base64({ alg: 'none' })}.${payload}.`
  const hmac = `${base64({ alg: 'HS256', kid: 'first' })}.${payload}`
  const byPublicKey = createHmac('sha256', JSON.stringify(issuer.keys[0]?.jwk))
    .update(hmac)
    .digest('base64url')
  const changed = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), roles: ['operator'] }
  return [
    ['no signature', unsigned, /has an algorithm that its issuer does not use: ES256 are taken/],
    ['the public key as a secret', `${hmac}.${byPublicKey}`, /has an algorithm that its issuer does not use/],
    ['another algorithm', await issuer.token(billing, { key: rsa }), /has an algorithm that its issuer/],
    [
      'the key of another',
      await stranger.token(billing, { key: stranger.keys[0] as never }),
      /has a wrong signature/,
    ],
    ['other claims', `${header}.${base64(changed)}.${signature}`, /has a wrong signature/],
    [
      'an unknown key',
      await stranger.token(billing),
      /is signed with a key that is not, or no more, in the set/,
    ],
    [
      'another issuer',
      await issuer.token({ ...billing, iss: 'https://elsewhere' }),
      /is of no issuer that the access/,
    ],
    ['another audience', await issuer.token({ ...billing, aud: 'payroll' }), /is for another audience/],
    ['no audience', await issuer.token({ ...billing, aud: undefined }), /lacks the claim aud/],
    ['outdated', await issuer.token(billing, { endsIn: -10 }), /has run out; its program must get a new one/],
    ['no end', await issuer.token(billing, { endsIn: null }), /lacks the claim exp/],
    ['not yet valid', await issuer.token(billing, { beginsIn: 60 }), /is not valid yet/],
    ['no JSON', `${base64('no')}.${base64('no')}.${signature}`, /is none: it can not be read/],
    ['no name', await issuer.token({ roles: 'worker' }), /its claim sub must be a name/],
    [
      'a name with a space',
      await issuer.token({ ...billing, sub: 'a (b)' }),
      /its claim sub is a name that won't do/,
    ],
    ['a long name', await issuer.token({ ...billing, sub: 'n'.repeat(95) }), /at most 100 characters/],
    ['no role', await issuer.token({ sub: 'a' }), /its claim roles names no role of the access file/],
    ['unknown roles', await issuer.token({ sub: 'a', roles: ['boss'] }), /names no role of the access file/],
    ['odd roles', await issuer.token({ sub: 'a', roles: [7] }), /must be a role, or a list of roles/],
  ]
}

t.test(
  'A3: whatever is wrong with a token is told in words of its own, and no part of the token is',
  async t => {
    const { issuer, guard, comes } = await story(t, { algorithms: ['ES256'] })
    const token = await issuer.token(billing)
    for (const [what, token, words] of await wrongTokens(issuer)) {
      const said = String(await comes(token))
      t.match(said, /^WRONG_TOKEN: the signed token /, what)
      t.match(said, words, what)
      t.equal(guard.client(token), undefined, `${what}: it is not known from then on`)
      for (const part of token.split('.'))
        if (part !== '') t.notOk(said.includes(part), `${what}: it is not shown`)
    }
    t.match(await comes(token), { principal: { name: 'billing (login)' } })
    t.match(
      await comes(await issuer.token(billing, { endsIn: -2 })),
      { principal: {} },
      'within the tolerance',
    )
  },
)

t.test(
  'A3: an issuer gives no more than the access file lets it, and what is more is refused with the reason',
  async t => {
    const claims = { roles: 'roles', rules: 'holdfast' }
    const gives = {
      names: ['svc-*', '*@example.org', 'cron'],
      roles: ['worker'],
      rules: [{ prefix: 'orders/', verbs: ['acquire', 'read'] }, { verbs: ['metrics'] }],
    }
    const { issuer, comes } = await story(t, { claims, gives })
    const rule = (prefix: string, ...verbs: string[]) => [{ prefix, verbs }]
    for (const sub of ['svc-', 'svc-billing', 'a@example.org', 'cron'])
      t.match(await comes(await issuer.token({ sub, roles: 'worker boss' })), {
        principal: { name: `${sub} (login)` },
      })
    const within = [...rule('orders/lines/', 'read', 'acquire'), { verbs: ['metrics'] }]
    const given = good(await comes(await issuer.token({ sub: 'cron', holdfast: within }))).principal
    t.ok(allows(given, 'acquire', 'orders/lines/1'))
    for (const [claims, words] of [
      [
        { sub: 'svc', roles: 'worker' },
        /its claim sub is a name of no form that .* may give "svc-\*", "\*@example.org", "cron"/,
      ],
      [{ sub: 'cron2', roles: 'worker' }, /its claim sub is a name of no form/],
      [
        { sub: 'cron', roles: 'worker operator' },
        /its claim roles names the role operator, which is none .* may give "worker"/,
      ],
      [
        { sub: 'cron', holdfast: rule('orders', 'read') },
        /its claim holdfast\[0\] gives read for more locks than/,
      ],
      [{ sub: 'cron', holdfast: rule('orders/', 'read', 'steal') }, /gives steal for more locks than/],
      [
        { sub: 'cron', holdfast: [{ verbs: ['metrics', 'operate'] }] },
        /gives operate, which the access file does not let/,
      ],
    ] as const)
      t.match(String(await comes(await issuer.token(claims))), words)
  },
)

t.test(
  'A3: an issuer that may give nothing gives nothing, also of what comes into the file later',
  async t => {
    const { issuer, comes } = await story(t, { claims: { roles: 'roles', rules: 'holdfast' }, gives: {} })
    const words =
      /names the role worker, which is none that the access file lets its issuer give: it may give none/
    t.match(String(await comes(await issuer.token(billing))), words)
    const holdfast = [{ prefix: 'a', verbs: ['read'] }]
    t.match(String(await comes(await issuer.token({ sub: 'a', holdfast }))), /gives read for more locks/)

    const { issuer: other, comes: come, tokens, folder } = await story(t, { gives: { roles: ['worker'] } })
    const both = good(await come(await other.token({ sub: 'a', roles: 'worker boss' })))
    const more = { roles: { ...roles, boss: [{ verbs: ['operate'] }] } }
    await tokens.change(readAccess(fileWith({ gives: { roles: ['worker'] } }, more)))
    t.ok(folder !== '' && both.signed !== undefined)
    const now = tokens.again(both.signed as NonNullable<Proven['signed']>)?.principal ?? null
    t.ok(now !== null && allows(now, 'acquire', 'orders/1') && !allows(now, 'operate', null))
  },
)

t.test('A3: what an issuer may give is read with the file, and a mistake in it is told with its place', t => {
  const wrong = (gives: unknown) => {
    try {
      readAccess(fileWith({ gives }))
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  t.equal(wrong({ names: [], roles: [], rules: [] }), '')
  t.match(
    wrong({ roles: ['workr'] }),
    'issuers.login.gives.roles[0] names no role of this file; did you mean worker?',
  )
  t.match(wrong({ names: ['a*b*'] }), /issuers\.login\.gives\.names\[0\] must be a name, in which one \*/)
  t.match(wrong({ names: [''] }), /gives\.names\[0\] must be a name/)
  t.match(
    wrong({ rules: [{ verbs: ['acquire'] }] }),
    /gives\.rules\[0\]\.verbs\[0\] is acquire, which is about locks/,
  )
  t.match(wrong({ role: [] }), /gives\.role is nothing that may stand here; did you mean roles\?/)
  t.match(wrong(true), /gives must be an object/)
  t.end()
})

t.test('A3: no name of the file is that of a bearer, and no issuer gives the name of another', async t => {
  const two = { login: 'https://one/', 'login-2': 'https://two/' }
  const issuers = Object.fromEntries(
    Object.entries(two).map(([name, issuer]) => [
      name,
      { issuer, audience: 'holdfast', keys: `${name}.json`, claims: { roles: 'roles' } },
    ]),
  )
  const one = new TokenIssuer(two.login)
  const other = new TokenIssuer(two['login-2'])
  await one.addKey('k')
  await other.addKey('k')
  const folder = folderOf(t, { 'login.json': one.set(), 'login-2.json': other.set() })
  const table = readAccess(
    JSON.stringify({ format: 2, roles, issuers, principals: { billing: { tokens: [] } } }),
  )
  const tokens = await IssuedTokens.open(table, folder)
  const guard = new Guard({ ...openAccess, table }, tokens)
  const names = new Set(['billing'])
  for (const issuer of [one, other])
    for (const sub of ['billing', 'login', '(login)', 'billing(login)']) {
      const token = await issuer.token({ sub, roles: 'worker' })
      t.equal(await guard.check('client', token), null)
      names.add(guard.prove('client', token).principal?.name ?? '')
    }
  t.equal(names.size, 9)
  const named = (name: string) => JSON.stringify({ format: 2, principals: { [name]: {} } })
  for (const name of names)
    if (name !== 'billing') t.throws(() => readAccess(named(name)), { message: /no spaces/ })
  const foreign = await one.token({ iss: two['login-2'], sub: 'billing', roles: 'worker' })
  t.match(await guard.check('client', foreign), { message: /has a wrong signature/ }, 'each has its own keys')
})

t.test(
  'A8: two keys are good for a while, and one that was taken out of the set for nothing more',
  async t => {
    const { issuer, tokens, guard, comes, writeKeys } = await story(t)
    const old = await issuer.token({ sub: 'a', roles: 'worker' })
    const proven = good(await comes(old))
    const second = await issuer.addKey('second')
    const next = await issuer.token({ sub: 'a', roles: 'worker' })
    t.match(await comes(next), /is signed with a key that is not/)
    await writeKeys(issuer.set())
    t.match(await comes(next), { principal: { name: 'a (login)' } })
    t.match(await comes(old), { principal: { name: 'a (login)' } })
    t.ok(guard.again(proven))
    await writeKeys(issuer.set([second]))
    t.equal(guard.again(proven), undefined, 'who came in with it has no right any more')
    t.match(await comes(old), /is signed with a key that is not, or no more/)
    t.match(await comes(next), { principal: {} })
    await writeKeys('{ "keys": [')
    t.match(tokens.keys, [{ issuer: 'login', problem: /keys\.json are no JSON/, spoilt: 1 }])
    t.match(await comes(next), { principal: {} }, 'the last good ones go on')
  },
)

t.test('A3: what a bearer may do goes by the file of now, and ends with its issuer', async t => {
  const { issuer, tokens, guard, comes } = await story(t)
  const proven = good(await comes(await issuer.token({ sub: 'a', roles: 'worker' })))
  const change = (text: string) => {
    const table = readAccess(text)
    guard.change(table)
    void tokens.change(table)
    return guard.again(proven)?.principal
  }
  const other = { worker: [{ prefix: 'other/', verbs: ['acquire'] }] }
  t.ok(allows(change(fileWith({}, { roles: other })) ?? null, 'acquire', 'other/1'))
  const none = change(fileWith({}, { roles: {} }))
  t.match(none, { name: 'a (login)' }, 'it is itself still')
  t.notOk(allows(none ?? null, 'acquire', 'orders/1'))
  t.equal(change(fileWith({ audience: 'other' })), undefined)
  t.ok(change(fileWith({})))
  t.equal(change(JSON.stringify({ format: 1 })), undefined)
})

/** Keys at an address, whatever they are now; null: it answers nothing good. */
async function serving(t: Test) {
  const state: { set: string | null; asked: number } = { set: null, asked: 0 }
  const http: Server = createServer((_request, response) => {
    state.asked++
    response.writeHead(state.set === null ? 503 : 200).end(state.set ?? 'away')
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  t.teardown(() => {
    http.closeAllConnections()
    http.close()
  })
  const { port } = http.address() as AddressInfo
  return Object.assign(state, { url: `http://127.0.0.1:${port}/keys` })
}

t.test('A3: keys at an address that is away: the last good ones go on, and it is told', async t => {
  const at = await serving(t)
  const { issuer, tokens, comes } = await story(t, { keys: at.url })
  const told: string[] = []
  tokens.start({ changed: () => {}, spoilt: (issuer, problem) => void told.push(`${issuer}: ${problem}`) })
  t.teardown(() => tokens.close())
  t.match(
    told,
    [/^login: the keys at http:.* do not come: the answer is HTTP 503/],
    'it started all the same',
  )
  const token = await issuer.token({ sub: 'a', roles: 'worker' })
  t.match(await comes(token), /^TOKEN_NOT_CHECKED: the key that the signed token names is not known/)
  at.set = issuer.set()
  await tokens.reload()
  t.match(tokens.keys, [{ problem: null, spoilt: 1 }])
  t.match(await comes(token), { principal: {} })
  at.set = null
  await tokens.reload()
  t.match(tokens.keys, [{ problem: /HTTP 503/, spoilt: 2 }])
  t.match(await comes(await issuer.token({ sub: 'b', roles: 'worker' })), { principal: {} })
  at.set = '[]'
  await tokens.reload()
  t.match(tokens.keys, [{ problem: /must be a set in the form/ }])
  at.set = `{ "keys": "${'k'.repeat(300_000)}" }`
  await tokens.reload()
  t.match(tokens.keys, [{ problem: /are more than 262144 bytes/ }])
})

t.test('B3: tokens with unknown keys do not make a server ask again and again', async t => {
  const at = await serving(t)
  const issuer = new TokenIssuer(iss)
  const first = await issuer.addKey('first')
  at.set = issuer.set()
  const { comes } = await story(t, { keys: at.url }, issuer)
  const { asked } = at
  await issuer.addKey('second')
  for (let i = 0; i < 20; i++)
    t.match(await comes(await issuer.token({ sub: `${i}`, roles: 'worker' })), /^TOKEN_NOT_CHECKED/)
  t.equal(at.asked, asked)
  t.match(await comes(await issuer.token({ sub: 'a', roles: 'worker' }, { key: first })), { principal: {} })
})

t.test('A3: a file of keys that can not be used keeps a server from starting', async t => {
  const issuer = new TokenIssuer(iss)
  const { jwk } = await issuer.addKey('k')
  const opens = (set: string) =>
    IssuedTokens.open(readAccess(fileWith({})), folderOf(t, { 'keys.json': set }))
  const message = (text: RegExp) => ({ message: text })
  await t.rejects(opens('{'), message(/^of the issuer login, the keys at .*keys\.json are no JSON/))
  await t.rejects(opens('{"keys":[]}'), message(/hold no key that is for signatures/))
  await t.rejects(
    opens(JSON.stringify({ keys: [{ ...jwk, d: 'private' }] })),
    message(/which can make tokens/),
  )
  await t.rejects(opens('{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'), message(/only public keys belong there/))
  await t.rejects(IssuedTokens.open(readAccess(fileWith({ keys: 'nowhere.json' })), folderOf(t, {})), {
    message: /nowhere\.json are not there/,
  })
})

t.test('A3: a mistake in what the file says of an issuer is told with its place', async t => {
  const mistakes: [object, RegExp][] = [
    [{ issuer: '' }, /^issuers\.login\.issuer must have 1 to/],
    [{ audience: 7 }, /^issuers\.login\.audience must be a string/],
    [{ keys: 'http://login.example.org/keys' }, /^issuers\.login\.keys must be a path, or begin with https/],
    [{ keys: 'https://me:secret@login.example.org/' }, /^issuers\.login\.keys must have no user name/],
    [{ keys: 'ftp://x/' }, /must be a path, or begin with https/],
    [
      { algorithms: ['HS256'] },
      /algorithms\[0\] is HS256: a program that can check such tokens can make them/,
    ],
    [{ algorithms: ['none'] }, /algorithms\[0\] is none: a program/],
    [{ algorithms: ['RS265'] }, /algorithms\[0\] is "RS265", which is no algorithm here; did you mean RS256/],
    [{ claims: {} }, /^issuers\.login\.claims must name the claim that holds roles/],
    [{ claims: { role: 'x' } }, /claims\.role is nothing that may stand here; did you mean roles/],
    [{ toleranceMs: -1 }, /^issuers\.login\.toleranceMs must be a whole number/],
    [{ jwks: 'x' }, /^issuers\.login\.jwks is nothing/],
  ]
  for (const [login, message] of mistakes)
    t.throws(() => readAccess(fileWith(login)), { message }, String(message))
  t.throws(() => readAccess(fileWith({}, { format: 1 })), {
    message: /^issuers may stand in a file of format 2/,
  })
  const twice = { a: JSON.parse(fileWith({})).issuers.login, b: JSON.parse(fileWith({})).issuers.login }
  t.throws(() => readAccess(fileWith({}, { issuers: twice })), { message: /is the issuer of "a" already/ })
})

t.test('B3: many looks at a time are few checks at a time, and each token is looked at once', async t => {
  const { issuer, guard } = await story(t)
  const token = await issuer.token({ sub: 'a', roles: 'worker' })
  const looks = Array.from({ length: 50 }, () => guard.check('client', token))
  t.equal(new Set(looks).size, 1)
  t.equal(await looks[0], null)
  t.equal(guard.check('client', token), null, 'it is known')
  t.equal(guard.check('lockserver', token), null, 'A1: it is nothing to a server')
  t.throws(() => guard.prove('lockserver', token), { code: 'WRONG_SECRET' })
  const others = await Promise.all(
    Array.from({ length: 20 }, (_, i) => issuer.token({ sub: `${i}`, roles: 'worker' })),
  )
  t.same(
    await Promise.all(others.map(each => guard.check('client', each))),
    others.map(() => null),
  )
})

t.test('A3: a token that has run out is good for nothing, also where it was known', async t => {
  const { issuer, guard, comes } = await story(t, { toleranceMs: 0 })
  const token = await issuer.token({ sub: 'a', roles: 'worker' }, { endsIn: 2 })
  const proven = good(await comes(token))
  await until('it has run out', () => guard.again(proven) === undefined || undefined)
  t.throws(() => guard.prove('client', token), { code: 'WRONG_TOKEN' })
  t.match(await comes(token), /has run out/)
  t.equal(guard.client(hashOf(token)), undefined)
})

// Who may do what, as plain data (A2, A3): rules, the text of an access file, and the proofs of peers (A1, A8).

import { createHash } from 'node:crypto'
import t from 'tap'
import { allows, looks, principalOf, readable, verbs } from '../wire/access/principal.ts'
import { readAccess } from '../wire/access/table.ts'
import { Guard, openAccess } from '../wire/net/guard.ts'

const hash = (token: string) => createHash('sha256').update(token).digest('hex')
const billingToken = 'a token of billing, long enough'
const nextToken = 'the next token of billing, as long'
const operatorToken = 'a token of the operator, long too'

const file = {
  format: 1,
  roles: { operator: [{ verbs: ['operate', 'metrics'] }, { prefix: '', verbs: ['read', 'force'] }] },
  principals: {
    billing: {
      tokens: [hash(billingToken), hash(nextToken)],
      rules: [
        { prefix: 'orders/', verbs: ['acquire', 'read'] },
        { prefix: 'orders/eu/', verbs: ['acquire', 'steal'] },
      ],
    },
    ops: { tokens: [hash(operatorToken)], roles: ['operator'] },
    nobody: {},
  },
}
const table = readAccess(JSON.stringify(file))
const billing = table.principals.get('billing') ?? null
const ops = table.principals.get('ops') ?? null

t.test(
  'A2: a verb is allowed for names that begin with a prefix of its rules, and contains no other verb',
  async t => {
    const may = (verb: (typeof verbs)[number], lock: string | null) => allows(billing, verb, lock)
    t.ok(may('acquire', 'orders/42'))
    t.ok(may('steal', 'orders/eu/1'))
    t.notOk(may('steal', 'orders/42'), 'another prefix')
    t.notOk(may('acquire', 'orders'), 'a name that the prefix begins with')
    t.notOk(may('acquire', 'Orders/42'))
    for (const verb of ['force', 'operate', 'metrics'] as const) t.notOk(may(verb, 'orders/42'), verb)
    t.notOk(allows(ops, 'acquire', 'orders/42'), 'an operator has what its rules say, and no more')
    t.ok(allows(ops, 'force', 'orders/42'))
    t.ok(allows(ops, 'operate', null))
    for (const verb of verbs) t.ok(allows(null, verb, 'x'), 'where there are no rules')
    for (const verb of verbs) t.notOk(allows(table.principals.get('nobody') ?? null, verb, 'x'), verb)
  },
)

t.test('A2: what may be read of a prefix depends on the rules alone', async t => {
  t.equal(readable(null, ''), null)
  t.equal(readable(billing, 'orders/42'), null, 'all of it')
  t.same(readable(billing, ''), ['orders/'])
  t.same(readable(billing, 'ord'), ['orders/'])
  t.same(readable(billing, 'payroll/'), [])
  t.equal(readable(ops, ''), null)
  const two = principalOf('two', [
    { prefix: 'a/', verbs: ['read'] },
    { prefix: 'a/b/', verbs: ['read'] },
    { prefix: 'c/', verbs: ['read'] },
  ])
  t.same(readable(two, ''), ['a/', 'c/'], 'a prefix that another covers is none')
  t.ok(looks(ops))
  t.notOk(looks(principalOf('x', [{ prefix: '', verbs: ['acquire'] }])))
})

t.test('A3: a mistake in an access file is told with its place, and shows no token', async t => {
  const principal = (entry: object) => ({ format: 1, principals: { billing: entry } })
  const rule = (...rules: unknown[]) => principal({ rules })
  const mistakes: [unknown, RegExp][] = [
    [{}, /^format must be 1.*missing/],
    [{ format: 3 }, /^format must be 1 or 2/],
    [{ format: 1, principal: {} }, /^principal is nothing that may stand here; did you mean principals\?/],
    [[], /^the file must be an object/],
    [principal({ token: [] }), /^principals\.billing\.token is nothing.*did you mean tokens\?/],
    [principal({ tokens: ['sesame'] }), /^principals\.billing\.tokens\[0\] must be the SHA-256/],
    [principal({ tokens: ['1', '2', '3'].map(hash) }), /tokens has 3 tokens; 2 may be valid/],
    [principal({ roles: ['oprator'] }), /^principals\.billing\.roles\[0\] names no role/],
    [
      rule({ verbs: ['acquire'] }),
      /rules\[0\]\.verbs\[0\] is acquire, which is about locks: give the rule a prefix/,
    ],
    [rule({ prefix: '', verbs: ['operate'] }), /is operate, which is about the cluster/],
    [rule({ prefix: '', verbs: ['aquire'] }), /"aquire", which is no verb; did you mean acquire\?/],
    [rule({ prefix: '', verbs: [] }), /must name at least one of acquire/],
    [rule({ prefix: 7, verbs: ['read'] }), /rules\[0\]\.prefix must be a string, not 7/],
    [rule({ prefix: '\ud800', verbs: ['read'] }), /prefix must be the beginning of a lock name/],
    [{ format: 1, principals: { 'a b': {} } }, /^principals\.a b has a name that won't do/],
    [
      { format: 1, principals: { a: { tokens: [hash('x')] }, b: { tokens: [hash('x')] } } },
      /^principals\.b\.tokens\[0\] is a token of "a" already/,
    ],
  ]
  for (const [given, message] of mistakes) {
    t.throws(() => readAccess(JSON.stringify(given)), { message }, String(message))
    t.throws(() => readAccess(JSON.stringify(given)), { name: 'Error' })
  }
  t.throws(() => readAccess('{\n  "format": 1,\n  "principals": {,'), {
    message: /^line 3, column 18: this is not JSON/,
  })
  const spoilt = () => readAccess(`{"format":1,"principals":{"a":{"tokens":["${billingToken}"]}}}`)
  t.throws(spoilt, { message: /^((?!billing,).)*$/ }, 'a token that stands there by mistake is not repeated')
})

const withRules = new Guard({
  ...openAccess,
  serverSecrets: ['the server secret, new', 'the server secret, old'],
  table,
  bytesMin: 16,
})
const lone = new Guard({ ...openAccess, secret: 'sesame' })

t.test('A1: the proof of one kind of peer is worth nothing for another', async t => {
  const of = (guard: Guard, kind: 'client' | 'lockserver', proof: string | null) => {
    try {
      return guard.prove(kind, proof).principal?.name ?? 'no rules'
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  t.equal(of(withRules, 'client', billingToken), 'billing')
  t.equal(of(withRules, 'client', 'the server secret, new'), 'WRONG_TOKEN')
  t.equal(of(withRules, 'client', null), 'WRONG_TOKEN')
  t.equal(of(withRules, 'lockserver', operatorToken), 'WRONG_SECRET')
  t.equal(of(withRules, 'lockserver', null), 'WRONG_SECRET')
  t.equal(of(withRules, 'client', hash(billingToken)), 'WRONG_TOKEN', 'who has read the file has no token')
  t.equal(of(lone, 'client', 'sesame'), 'no rules')
  t.equal(of(lone, 'lockserver', 'sesame'), 'no rules')
  t.equal(of(lone, 'client', 'Sesame'), 'WRONG_SECRET')
  t.equal(of(new Guard(openAccess), 'lockserver', null), 'no rules')
  const short = new Guard({ ...openAccess, secret: 'sesame', bytesMin: 16 })
  t.equal(of(short, 'client', 'sesame'), 'WRONG_SECRET', 'A6')
})

t.test('A8: two server secrets and two tokens are valid at a time', async t => {
  for (const secret of ['the server secret, new', 'the server secret, old'])
    t.ok(withRules.prove('primary', secret))
  for (const token of [billingToken, nextToken])
    t.equal(withRules.prove('client', token).principal?.name, 'billing')
  t.same(withRules.ownProofs, ['the server secret, new', 'the server secret, old'])
  t.same(
    new Guard({ ...openAccess, secret: 'a', serverSecrets: ['b'] }).ownProofs,
    ['b', 'a'],
    'on the way from one to the other',
  )
  t.same(new Guard(openAccess).ownProofs, [null])
})

t.test('A3: what a token stands for is asked again when the file was read again', async t => {
  const guard = new Guard({ ...openAccess, table })
  const proven = guard.prove('client', billingToken)
  t.equal(guard.again(proven)?.principal, billing)
  guard.change(readAccess(JSON.stringify({ ...file, principals: { ops: file.principals.ops } })))
  t.equal(guard.again(proven), undefined)
  t.ok(guard.again({ principal: null, hash: null }), 'a server brings no token')
})

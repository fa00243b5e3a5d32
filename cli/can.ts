// `holdfast can`: whether an access file lets a principal do something, and why. It asks no server.

import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { allows, lockVerbs, type Principal, prefixFor, type Verb, verbs } from '../wire/access/principal.ts'
import { AccessError, type AccessTable, readAccess } from '../wire/access/table.ts'
import { nameProblem } from '../wire/name.ts'
import { hashOf } from '../wire/net/secret.ts'
import { IssuedTokens } from '../wire/serving/issued-tokens.ts'
import { type Command, hidden, inEnvironment, json, show, text } from './arguments.ts'
import { Failure, messageOf, UsageError } from './failure.ts'
import { print, printJson } from './output.ts'

const options = {
  access: inEnvironment(text('FILE', 'the access file, as servers have it')),
  principal: text('NAME', 'the principal of this name in the file'),
  'access-token': inEnvironment(hidden(text('TOKEN', 'the principal that this token stands for'))),
  ...json,
}

interface Answer {
  readonly allowed: boolean
  readonly principal: string
  readonly verb: Verb
  readonly lock: string | null
  readonly why: string
}

export const command: Command<typeof options> = {
  usage: 'can VERB [LOCK] [options]',
  does: 'say whether an access file allows something, and why',
  more: `VERB is one of ${verbs.join(', ')}; LOCK is the name of a lock, for the first four. It reads the
file and asks no server: with it a file can be tried before servers get it. A token that an issuer has signed (a JWT) is checked as
servers do, with the keys of that issuer. Exit code 0 says that it is allowed, 1 that it is not.
--json prints { allowed, principal, verb, lock, why }.`,
  options,
  names: ['VERB', 'LOCK?'],
  check: ({ access, principal, 'access-token': token }) => [
    ...(access === undefined ? ['--access FILE is missing: the file whose rules are asked'] : []),
    ...(principal === undefined && token === undefined
      ? ['--principal NAME is missing (or --access-token TOKEN): who is it that asks?']
      : []),
  ],
  async run({ values, names: [verb = '', lock] }) {
    const table = await tableIn(values.access ?? '')
    const { principal: called, 'access-token': token = '' } = values
    const principal =
      called === undefined ? await bearerOf(table, values.access ?? '', token) : principalIn(table, called)
    const answer = answerOf(principal, verbOf(verb), lockOf(verbOf(verb), lock))
    if (values.json) printJson(answer)
    else print(`${answer.allowed ? 'yes' : 'no'}: ${answer.why}`)
    return answer.allowed ? 0 : 1
  },
}

async function tableIn(path: string): Promise<AccessTable> {
  try {
    return readAccess(await readFile(path, 'utf8'))
  } catch (error) {
    throw new Failure(
      error instanceof AccessError ? `${path}: ${error.message}` : `can't read ${path}: ${messageOf(error)}`,
    )
  }
}

function principalIn(table: AccessTable, name: string): Principal {
  const principal = table.principals.get(name)
  if (principal !== undefined) return principal
  throw new Failure(
    `the file knows no principal ${show(name)}; it has ${[...table.principals.keys()].join(', ')}`,
  )
}

/** Of a token of the file, or of one that an issuer of the file has signed. */
async function bearerOf(table: AccessTable, path: string, token: string): Promise<Principal> {
  const known = table.byHash.get(hashOf(token))
  if (known !== undefined) return known
  try {
    const tokens = await IssuedTokens.open(table, dirname(path))
    const problem = await tokens.check(token)
    if (problem !== null) throw problem
    const principal = tokens.proven(hashOf(token))?.principal
    if (principal) return principal
  } catch (error) {
    throw new Failure(messageOf(error))
  }
  throw new Failure('the file knows no such token')
}

function verbOf(given: string): Verb {
  const verb = verbs.find(each => each === given)
  if (verb === undefined) throw new UsageError(`VERB must be one of ${verbs.join(', ')}, not ${show(given)}`)
  return verb
}

function lockOf(verb: Verb, lock: string | undefined): string | null {
  const isAboutLocks = lockVerbs.some(each => each === verb)
  if (!isAboutLocks && lock !== undefined) throw new UsageError(`${verb} is about the cluster: give no LOCK`)
  if (!isAboutLocks) return null
  const problem = nameProblem(lock)
  if (problem !== undefined) throw new UsageError(`LOCK ${problem}`)
  return lock ?? null
}

function answerOf(principal: Principal, verb: Verb, lock: string | null): Answer {
  const allowed = allows(principal, verb, lock)
  return { allowed, principal: principal.name, verb, lock, why: whyOf(principal, verb, lock, allowed) }
}

function whyOf(principal: Principal, verb: Verb, lock: string | null, allowed: boolean): string {
  const { name } = principal
  if (verb === 'operate' || verb === 'metrics')
    return allowed ? `a rule of ${name} names ${verb}` : `no rule of ${name} names ${verb}`
  const prefix = allowed ? prefixFor(principal, verb, lock ?? '') : null
  if (prefix !== null) return `a rule of ${name} allows ${verb} for names that begin with ${show(prefix)}`
  const prefixes = principal.locks[verb].map(show).join(', ')
  return prefixes === ''
    ? `no rule of ${name} names ${verb}`
    : `${name} may ${verb} only what begins with ${prefixes}`
}

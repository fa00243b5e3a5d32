// Planted bugs in tokens that issuers have signed (A3, A8, B3): what is believed before it is known, or for too long.

import type { Mutant } from './mutant.ts'

const tokens = 'wire/serving/issued-tokens.ts'
const guard = 'wire/net/guard.ts'

export const signed: readonly Mutant[] = [
  {
    name: 'the signature of a token is not checked',
    breaks: 'A3',
    why: 'whoever can write three words of base64 is any principal of the issuer',
    test: 'signed-tokens',
    edits: [
      {
        file: tokens,
        find: 'return jose.jwtVerify(proof, loaded, {',
        replace: `return Promise.resolve({
    payload: jose.decodeJwt(proof),
    protectedHeader: { alg: loaded.name },
  }) as unknown as Promise<Jose.JWTVerifyResult>
  return jose.jwtVerify(proof, loaded, {`,
      },
    ],
  },
  {
    name: 'the audience of a token is not checked',
    breaks: 'A3',
    why: 'a token that a program was given for another service opens this one',
    test: 'signed-tokens',
    edits: [
      {
        file: tokens,
        find: 'issuer, audience, algorithms: [...algorithms],',
        replace: 'issuer, algorithms: audience === issuer ? [] : [...algorithms],',
      },
    ],
  },
  {
    name: 'a token may have an algorithm that its issuer does not use',
    breaks: 'A3',
    why: 'a key that is for something else, or a weak algorithm of the library, is good enough',
    test: 'signed-tokens',
    edits: [
      {
        file: tokens,
        find: 'if (alg === undefined || !issuer.algorithms.includes(alg))',
        replace: 'if (alg === undefined)',
      },
      {
        file: tokens,
        find: 'algorithms: [...algorithms],',
        replace: 'algorithms: algorithms.length > 99 ? [] : [proofAlgorithm(proof)],',
      },
      {
        file: tokens,
        find: 'const tooMany =',
        replace: `function proofAlgorithm(proof: string): string {
  return String((JSON.parse(Buffer.from(proof.split('.')[0] ?? '', 'base64url').toString()) as { alg: string }).alg)
}

const tooMany =`,
      },
    ],
  },
  {
    name: 'the end of a token counts only at the hello',
    breaks: 'A3',
    why: 'a token of five minutes is good for as long as its connection lasts',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'wire/net/connections.ts',
        find: "if (endsAt <= wall) this.#tokenEnded(connection, 'has run out')",
        replace: "if (endsAt + 1e12 <= wall) this.#tokenEnded(connection, 'has run out')",
      },
    ],
  },
  {
    name: 'the role of a token is taken before its signature is known',
    breaks: 'A3',
    why: 'whoever has any token of the issuer, or none, writes another role into it',
    test: 'signed-tokens',
    edits: [
      {
        file: tokens,
        find: 'const { payload } = await this.#inTurn(() => verified(jose, proof, issuer, key)) this.#keep(hash, this.#signed({ issuer, key: key.id, payload }))',
        replace: `this.#keep(hash, this.#signed({ issuer, key: key.id, payload: jose.decodeJwt(proof) }))
      await this.#inTurn(() => verified(jose, proof, issuer, key))`,
      },
    ],
  },
  {
    name: 'a set of keys is kept for ever',
    breaks: 'A3, A8',
    why: 'a key that was stolen, and taken out of the set, is good until the server starts again',
    test: 'signed-tokens',
    edits: [
      {
        file: 'wire/serving/key-set.ts',
        find: 'const keys = text === this.#text ? this.keys : keysIn(text)',
        replace: 'const keys = text === this.#text || this.keys.length > 0 ? this.keys : keysIn(text)',
      },
    ],
  },
  {
    name: 'a key that was taken out of the set is good for who is in',
    breaks: 'A3, A8',
    why: 'whoever came in with a stolen key stays in',
    test: 'signed-tokens',
    edits: [
      {
        file: tokens,
        find: '|| !this.#setOf(issuer.keys)?.has(key)) return undefined',
        replace: '|| this.#setOf(issuer.keys)?.has(key) === undefined) return undefined',
      },
    ],
  },
  {
    name: 'spoilt keys take the place of good ones',
    breaks: 'A3',
    why: 'when the issuer is away for a minute no program gets a lock',
    test: 'signed-tokens',
    edits: [
      {
        file: 'wire/serving/key-set.ts',
        find: 'this.spoilt++',
        replace: 'this.spoilt++\n      this.keys = []',
      },
    ],
  },
  {
    name: 'a bearer is called as its token says',
    breaks: 'A3, A4',
    why: 'an issuer gives out the names, sessions and quotas of principals of the file',
    test: 'signed-tokens',
    edits: [
      {
        file: 'wire/access/signed.ts',
        find: 'if (isPrincipalName(value) && name.length <= principalNameMax) return name',
        replace: 'if (isPrincipalName(value) && name.length <= principalNameMax) return value',
      },
    ],
  },
  {
    name: 'what follows a hello is heard while its token is looked at',
    breaks: 'A3, B3',
    why: 'a peer whose hello is not accepted is refused for what it says, or heard',
    test: 'hello',
    edits: [{ file: 'wire/net/hello.ts', find: 'this.#connection.hold()', replace: '' }],
  },
  {
    name: 'a look at a token may take as long as it likes',
    breaks: 'B3',
    why: 'strangers wait for keys that never come',
    test: 'hello',
    edits: [
      {
        file: 'wire/net/hello.ts',
        find: 'limits.tokenWithinMs, () => once(notInTime)',
        replace: 'limits.tokenWithinMs, () => {}',
      },
    ],
  },
  {
    name: 'every unknown key has the set read again',
    breaks: 'B3',
    why: 'any stranger makes servers ask the issuer as often as it likes',
    test: 'signed-tokens',
    edits: [
      {
        file: 'wire/serving/key-set.ts',
        find: 'readMonotonic() - this.#readAt < keySetAgainMs) return false',
        replace: 'readMonotonic() - this.#readAt < 0) return keySetAgainMs < 0',
      },
    ],
  },
  {
    name: 'a bearer without a connection is judged by the file',
    breaks: 'A3',
    why: 'each change of the file, and each failover, takes away what it waits for',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'lockserver/revocations.ts',
        find: 'else if (issuer === null || !issuers.has(issuer)) this.',
        replace: 'else if (issuer === null || name.length > 0) this.',
      },
    ],
  },
  {
    name: 'a newer token may be of another principal',
    breaks: 'A3, A4',
    why: 'a connection that came in as one principal goes on as another, with the session of the first',
    test: 'rights',
    edits: [
      {
        file: 'wire/net/connections.ts',
        find: 'if (proven !== null && before?.name !== principal?.name) return anotherPrincipal',
        replace: 'if (proven !== null && before === undefined) return anotherPrincipal',
      },
    ],
  },
  {
    name: 'an open connection is a place to guess tokens',
    breaks: 'B3',
    why: 'who has one token tries others on its connection, as many as it likes',
    test: 'rights',
    edits: [
      {
        file: 'wire/net/hello.ts',
        find: "this.#next = undefined next.closed('its newer token was not good') this.#refuse(error)",
        replace: "if (error.code === 'INTERNAL') next.closed('its newer token was not good')",
      },
    ],
  },
  {
    name: 'a newer token leaves the end of the one before',
    breaks: 'A3',
    why: 'connections end all the same, however often their clients show newer tokens',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'wire/net/connections.ts',
        find: 'else this.#ending.set(connection, proven.signed.endsAt)',
        replace: 'else if (!this.#ending.has(connection)) this.#ending.set(connection, proven.signed.endsAt)',
      },
    ],
  },
  {
    name: 'a client shows no newer token',
    breaks: 'A3',
    why: 'its connection is cut each time that a token runs out',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'client/session/core.ts',
        find: "this.#out.do({ do: 'show token', connection: session.number })",
        replace: 'void session.number',
      },
    ],
  },
  {
    name: 'a dial shows its first secret and no other',
    breaks: 'A8',
    why: 'while a secret is changed servers do not reach one another',
    test: 'driver',
    edits: [
      {
        file: 'wire/net/connections.ts',
        find: 'if (others.length > 0 && isWrong(messages[0]) && this.#open.has(number)) {',
        replace: 'if (others.length > 9 && isWrong(messages[0]) && this.#open.has(number)) {',
      },
    ],
  },
  {
    name: 'a dial shows the older secret first',
    breaks: 'A8',
    why: 'the one that is to go is shown for as long as any server takes it',
    test: 'driver',
    edits: [
      {
        file: guard,
        find: 'const all = [...serverSecrets, ...(secret === null ? [] : [secret])]',
        replace: 'const all = [...(secret === null ? [] : [secret]), ...[...serverSecrets].reverse()]',
      },
    ],
  },
  {
    name: 'keys come over plain http from anywhere',
    breaks: 'A3',
    why: 'whoever is on their way puts its own key among them, and is any principal',
    test: 'signed-tokens',
    edits: [
      {
        file: 'wire/access/issuers.ts',
        find: "(url.protocol === 'http:' && isNear)) return keys",
        replace: "(url.protocol === 'http:' && (isNear || keys !== ''))) return keys",
      },
    ],
  },
  {
    name: 'an issuer may use a secret that checks and signs',
    breaks: 'A3',
    why: 'each server that checks tokens, and whoever reads its keys, can make them',
    test: 'signed-tokens',
    edits: [
      {
        file: 'wire/access/issuers.ts',
        find: 'if (signatureAlgorithms.includes(name)) return name',
        replace: "if (signatureAlgorithms.includes(name) || name.startsWith('HS')) return name",
      },
    ],
  },
  {
    name: 'what the file has under a wrong name is passed over',
    breaks: 'A3',
    why: 'a rule that was to take something away, misspelt, takes nothing away',
    test: 'access',
    edits: [
      {
        file: 'wire/access/place.ts',
        find: 'if (keys.includes(key)) continue',
        replace: 'if (keys.includes(key) || key.length > 0) continue',
      },
    ],
  },
  {
    name: 'a newer token must be short',
    breaks: 'A3',
    why: 'a client that shows the token that its issuer gave it is cut for malformed input',
    test: 'rights',
    edits: [
      {
        file: 'wire/messages/clients.ts',
        find: "text('a.signed.token', proofLengthMax)",
        replace: "text('a.signed.token', proofLengthMax >> 10)",
      },
    ],
  },
  {
    name: 'an issuer gives roles that it may not',
    breaks: 'A3',
    why: 'whoever can sign tokens for programs that work makes itself an operator',
    test: 'signed-tokens',
    edits: [
      {
        file: 'wire/access/gives.ts',
        find: 'known.has(each) && !roles.includes(each)',
        replace: 'known.has(each) && roles.length === 0',
      },
    ],
  },
  {
    name: 'an issuer gives a role that came into the file later',
    breaks: 'A3',
    why: 'a token with many roles of other systems is an operator from the day on which the file has one of that name',
    test: 'signed-tokens',
    edits: [
      {
        file: 'wire/access/signed.ts',
        find: 'issuer.gives === null || issuer.gives.roles.includes(role)',
        replace: 'issuer.gives === null || role !== null',
      },
    ],
  },
  {
    name: 'an issuer gives rules for more locks than it may',
    breaks: 'A3',
    why: 'the rules of a token are the hole beside the list of roles',
    test: 'signed-tokens',
    edits: [
      {
        file: 'wire/access/gives.ts',
        find: 'verbs.find(each => !allows(most, each, prefix))',
        replace:
          "verbs.find(each => !allows(most, each, prefix === null ? null : (within[0]?.prefix ?? '')))",
      },
    ],
  },
  {
    name: 'a session without a connection outlives its signed token',
    breaks: 'A3',
    why: 'a program whose token has run out is granted what it waits for, if only its network was cut before',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'lockserver/revocations.ts',
        find: 'if (session.endReason === undefined) this.#leaves(session, ends)',
        replace: 'if (session.endReason !== undefined) this.#leaves(session, ends)',
      },
    ],
  },
  {
    name: 'a session without a connection outlives its issuer',
    breaks: 'A3',
    why: 'the issuer was taken out of the file, and a bearer of its tokens is granted what it waits for',
    test: 'access-in-cluster',
    edits: [
      {
        file: 'lockserver/revocations.ts',
        find: 'issuer === null || !issuers.has(issuer)',
        replace: 'issuer === null || issuers.size < 0',
      },
    ],
  },
]

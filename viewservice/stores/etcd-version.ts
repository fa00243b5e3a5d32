// What a key in etcd is known by: its revision, and the text that was read with it. An etcd that was put back from a
// backup counts its revisions anew, so a revision alone may stand for two values (E1, E3).

export function versionOf(revision: string, text: string): string {
  return `${revision} ${text}`
}

/** Of a transaction: the key is still what it was then. Null: there is none. */
export function unchanged(key: string, version: string | null): object[] {
  if (version === null) return [{ key, target: 'CREATE', result: 'EQUAL', create_revision: '0' }]
  const end = version.indexOf(' ')
  return [
    { key, target: 'MOD', result: 'EQUAL', mod_revision: version.slice(0, end) },
    { key, target: 'VALUE', result: 'EQUAL', value: coded(version.slice(end + 1)) },
  ]
}

export function coded(text: string): string {
  return Buffer.from(text).toString('base64')
}

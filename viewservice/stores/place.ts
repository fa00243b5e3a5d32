// Where a record lives, as its URL says: a folder of this machine, or a prefix in etcd. A URL that is not
// understood is a TypeError that says what would be right.

import { resolve } from 'node:path'
import type { Lack } from '../shortage.ts'
import { EtcdStore } from './etcd.ts'
import { FileStore } from './file.ts'
import type { RecordTls } from './post.ts'
import type { ViewStore } from './store.ts'

export type RecordPlace =
  | { readonly in: 'folder'; readonly folder: string }
  | {
      readonly in: 'etcd'
      readonly endpoints: readonly string[]
      readonly prefix: string
      readonly user: { readonly name: string; readonly password: string } | null
      readonly tls: RecordTls
    }

const form =
  'file:DIR, etcd://HOST:PORT[,HOST:PORT…]/PREFIX, or etcds://… for TLS; [USER:PASSWORD@] may stand before the first HOST, and ?ca=FILE&cert=FILE&key=FILE at the end of an etcds://'
const etcdForm = /^etcd(s?):\/\/(?:([^:@/]+):([^@/]*)@)?([^@/]+)\/([^?#]*[^?#/])\/?(?:\?([^#]*))?$/
const hostForm = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):(\d{1,5})$/

/** How long etcd may take for a request; its own leader is found anew within about a second. */
const timeoutMs = 1_000

export function recordPlace(url: string): RecordPlace {
  if (url.startsWith('file:') && url.length > 'file:'.length)
    return { in: 'folder', folder: resolve(url.slice('file:'.length)) }
  const [, secure, name, password = '', hosts = '', prefix = '', files = ''] = etcdForm.exec(url) ?? []
  const all = hosts.split(',')
  const tls = tlsOf(files, secure !== '')
  if (prefix === '' || !all.every(host => hostForm.test(host)) || tls === null)
    throw new TypeError(`record is no place for a view record: ${hidden(url)}; give ${form}`)
  const user = name === undefined ? null : { name: plain(name), password: plain(password) }
  const endpoints = all.map(host => `http${secure}://${host}`)
  return { in: 'etcd', endpoints, prefix: plain(prefix), user, tls }
}

/** Null: there is something that may not stand there, or only half of a certificate. */
function tlsOf(query: string, isSecure: boolean): RecordTls | null {
  const given = new URLSearchParams(query)
  const known = ['ca', 'cert', 'key']
  const isKnown = [...given].every(([name, file]) => known.includes(name) && file !== '' && isSecure)
  const [ca = null, cert = null, key = null] = known.map(name => given.get(name))
  if (!isKnown || given.size > known.filter(name => given.has(name)).length) return null
  return (cert === null) === (key === null) ? { ca, cert, key } : null
}

/** `lacking`: called with what a folder's reserve lacks. */
export function openStore(place: RecordPlace, lacking: (lack: Lack) => void): ViewStore {
  return place.in === 'folder' ? new FileStore(place.folder, lacking) : new EtcdStore({ ...place, timeoutMs })
}

/** The option that names this place, for messages; without its password. */
export function placeOption(place: RecordPlace): string {
  if (place.in === 'folder') return `--data ${place.folder}`
  const [first = '', ...more] = place.endpoints.map(endpoint => endpoint.replace(/^https?:\/\//, ''))
  const scheme = place.endpoints[0]?.startsWith('https:') ? 'etcds' : 'etcd'
  const user = place.user === null ? '' : `${place.user.name}:…@`
  const files = Object.entries(place.tls).flatMap(([name, file]) =>
    file === null ? [] : [`${name}=${file}`],
  )
  const url = `${scheme}://${user}${[first, ...more].join(',')}/${place.prefix}`
  // A shell would take what is between the files for its own.
  return files.length === 0 ? `--record ${url}` : `--record '${url}?${files.join('&')}'`
}

/** The URL without its password, for messages. */
export function hidden(url: string): string {
  return JSON.stringify(url.replace(/(:\/\/[^:@/]*:)[^@/]*@/, '$1…@'))
}

function plain(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

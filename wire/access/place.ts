// A value of an access file and where it stands in it, so that each mistake is told with its place (A3). It knows no rule
// of the file, and shows no long text.

import { meantBy } from '../spelling.ts'

/** A mistake in an access file. */
export class AccessError extends Error {}

/** A value of the file, and where it stands. */
export class Place {
  readonly path: string
  readonly value: unknown

  constructor(path: string, value: unknown) {
    this.path = path
    this.value = value
  }

  wrong(text: string): AccessError {
    return new AccessError(`${this.path === '' ? 'the file' : this.path} ${text}`)
  }

  at(key: string): Place {
    const { value } = this
    const own = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined
    return new Place(this.path === '' ? key : `${this.path}.${key}`, own)
  }

  /** It may hold these keys and no others. */
  object(keys: readonly string[]): { get(key: string): Place } {
    if (!isRecord(this.value))
      throw this.wrong(`must be an object with ${keys.join(', ')}, not ${show(this.value)}`)
    for (const key of Object.keys(this.value)) {
      if (keys.includes(key)) continue
      throw this.at(key).wrong(`is nothing that may stand here; ${advice(key, keys)}`)
    }
    return { get: key => this.at(key) }
  }

  /** Of an object with names of any kind; nothing at all is an empty one. */
  entries(): [string, Place][] {
    if (this.value === undefined) return []
    if (!isRecord(this.value)) throw this.wrong(`must be an object, not ${show(this.value)}`)
    return Object.keys(this.value).map(key => [key, this.at(key)])
  }

  list(): Place[] {
    if (this.value === undefined) return []
    if (!Array.isArray(this.value)) throw this.wrong(`must be a list, not ${show(this.value)}`)
    return this.value.map((value, i) => new Place(`${this.path}[${i}]`, value))
  }

  text(): string {
    if (typeof this.value !== 'string') throw this.wrong(`must be a string, not ${show(this.value)}`)
    return this.value
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function advice(given: string, known: readonly string[]): string {
  const meant = meantBy(given, known)
  return meant === null ? `there are ${known.join(', ') || 'none'}` : `did you mean ${meant}?`
}

export function show(value: unknown): string {
  return value === undefined ? 'missing' : (JSON.stringify(value) ?? String(value)).slice(0, 80)
}

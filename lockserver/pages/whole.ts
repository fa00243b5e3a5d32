// A whole number among the parameters of a page. It decides what a wrong one is answered with, and nothing else.

import { BadQuery } from '../../wire/serving/http.ts'

export function whole(query: URLSearchParams, name: string, absent: number, max: number): number {
  const text = query.get(name)
  const number = text === null ? absent : Number(text)
  if (Number.isInteger(number) && number >= 0 && number <= max) return number
  throw new BadQuery(`${name} must be a whole number from 0 to ${max}, not ${text}`)
}

// Shapes: one description of a value gives its TypeScript type, its JSON schema and an example.
// ajv's own typing misses forgotten members, so types and schemas come from this one table.

export interface Shape<T> {
  readonly schema: object
  readonly example: T
}

/** By schema, the names of those that are compiled once, wherever they stand (compile.ts). */
export const apart = new Map<object, string>()

/** For a large part of several messages: its check is one function, which all of them call. */
export function checkedApart<T>(name: string, shape: Shape<T>): Shape<T> {
  apart.set(shape.schema, name)
  return shape
}

export type ShapeType<S> = S extends Shape<infer T> ? T : never
export type ShapeTypes<S extends readonly Shape<unknown>[]> = { readonly [I in keyof S]: ShapeType<S[I]> }

/** A whole number from 0 (or `minimum`) that a double holds exactly. */
export function count(
  example: number,
  minimum = 0,
  maximum: number = Number.MAX_SAFE_INTEGER,
): Shape<number> {
  return { schema: { type: 'integer', minimum, maximum }, example }
}

/** Text of up to `max` characters without lone surrogates. (A pattern: ajv's length keyword needs its run time.) */
export function text(example: string, max: number, min = 0): Shape<string> {
  return { schema: { type: 'string', pattern: `^[^\\uD800-\\uDFFF]{${min},${max}}$` }, example }
}

export function matching(example: string, pattern: string): Shape<string> {
  return { schema: { type: 'string', pattern }, example }
}

export const flag: Shape<boolean> = { schema: { type: 'boolean' }, example: true }

export function oneOf<const T extends string>(...values: readonly [T, ...T[]]): Shape<T> {
  return { schema: { type: 'string', enum: values }, example: values[0] }
}

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return { schema: { anyOf: [{ type: 'null' }, shape.schema] }, example: shape.example }
}

export function list<T>(
  item: Shape<T>,
  bounds: { min?: number; max?: number; unique?: boolean } = {},
): Shape<readonly T[]> {
  const schema = {
    type: 'array',
    items: item.schema,
    ...(bounds.min === undefined ? {} : { minItems: bounds.min }),
    ...(bounds.max === undefined ? {} : { maxItems: bounds.max }),
    ...(bounds.unique ? { uniqueItems: true } : {}),
  }
  return { schema, example: [item.example] }
}

export function tuple<const S extends readonly Shape<unknown>[]>(...parts: S): Shape<ShapeTypes<S>> {
  return {
    schema: {
      type: 'array',
      items: parts.map(part => part.schema),
      minItems: parts.length,
      maxItems: parts.length,
    },
    example: parts.map(part => part.example) as ShapeTypes<S>,
  }
}

/** A record with exactly these fields. */
export function record<const F extends Record<string, Shape<unknown>>>(
  fields: F,
): Shape<{ readonly [K in keyof F]: ShapeType<F[K]> }> {
  const entries = Object.entries(fields)
  return {
    schema: {
      type: 'object',
      properties: Object.fromEntries(entries.map(([name, shape]) => [name, shape.schema])),
      required: Object.keys(fields),
      additionalProperties: false,
    },
    example: Object.fromEntries(entries.map(([name, shape]) => [name, shape.example])) as {
      readonly [K in keyof F]: ShapeType<F[K]>
    },
  }
}

export function anyOf<const S extends readonly Shape<unknown>[]>(...shapes: S): Shape<ShapeType<S[number]>> {
  return {
    schema: { anyOf: shapes.map(shape => shape.schema) },
    example: shapes[0]?.example as ShapeType<S[number]>,
  }
}

/** A field of a message: its name, which stands in errors and in docs/PROTOCOL.md but is never sent, and what may stand there. */
export type Field = readonly [name: string, shape: Shape<unknown>]

/** The fields stand in the message in the order in which they are given, behind its kind. */
export interface MessageShape<K extends string, F extends readonly Field[]>
  extends Shape<readonly [K, ...{ -readonly [I in keyof F]: ShapeType<F[I][1]> }]> {
  readonly kind: K
  readonly fields: F
}

/** Where each field stands, by its name. */
export type PlacesOf<M> =
  M extends MessageShape<string, infer F> ? { readonly [N in F[number][0]]: PlaceOf<F, N> } : never
type PlaceOf<
  F extends readonly unknown[],
  N,
  Before extends readonly unknown[] = [kind: unknown],
> = F extends readonly [infer First, ...infer Rest]
  ? First extends readonly [N, unknown]
    ? Before['length']
    : PlaceOf<Rest, N, [...Before, unknown]>
  : never

/** One kind of message: an array of the kind and its fields. */
export function message<const K extends string, const F extends readonly Field[]>(
  kind: K,
  ...fields: F
): MessageShape<K, F> {
  const kindShape: Shape<K> = { schema: { type: 'string', const: kind }, example: kind }
  const whole = tuple(kindShape, ...fields.map(([, shape]) => shape))
  return { ...(whole as Pick<MessageShape<K, F>, 'schema' | 'example'>), kind, fields }
}

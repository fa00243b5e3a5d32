// One kind of what can be seen of a process, with its fields.

import type { Seen } from '../processes/process.ts'

export type SeenAs<S extends Seen['see']> = Extract<Seen, { see: S }>

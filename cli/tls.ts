// TLS of a command (A5): it has one for all that it dials, read once from the files that its options name. main.ts sets it
// before the command runs; what dials takes it from here.

import { runtime as plainRuntime } from '#runtime'
import type { Runtime } from '../wire/net/runtime.ts'
import { type DialTls, dialTlsOf } from '../wire/net/tls/dial.ts'
import { bytesOf } from '../wire/net/tls/environment.ts'
import { checkTls, type TlsOptions } from '../wire/net/tls/options.ts'
import { environmentName } from './arguments.ts'
import { UsageError } from './failure.ts'

let own: { readonly options: TlsOptions; readonly dial: DialTls; readonly runtime: Runtime } | undefined

/** `values`: of the command's options; what is not among them is taken from the environment. */
export function useTls(values: Readonly<Record<string, unknown>>): void {
  const file = (name: string) => {
    const given = values[name] ?? (process.env[environmentName(name)] || undefined)
    return typeof given === 'string' ? bytesOf(given, `--${name} (${environmentName(name)})`) : undefined
  }
  try {
    const options = {
      ca: file('tls-ca'),
      cert: file('tls-cert'),
      key: file('tls-key'),
    }
    if (Object.values(options).every(each => each === undefined)) return
    checkTls(options)
    const dial = dialTlsOf(options)
    own = { options, dial, runtime: plainRuntime.withTls?.(options) ?? plainRuntime }
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message)
    throw error
  }
}

/** For `connect`. */
export function tlsOptions(): TlsOptions | undefined {
  return own?.options
}

/** For pages. */
export function dialTls(): DialTls | undefined {
  return own?.dial
}

/** For everything else that dials. */
export function dialRuntime(): Runtime {
  return own?.runtime ?? plainRuntime
}

// What a benchmark drives, whatever service is behind it. A module under bench/ is a target when it exports
// `connect: Connect`; a worker process imports it by its file name and gives it its address.

/** One client of the service under test, with as many calls outstanding as it is given. */
export interface Target<Held = unknown> {
  /** Waits until the lock with this key is held. */
  acquire(key: string): Promise<Held>
  /** Resolves when the service has confirmed it. */
  release(held: Held): Promise<unknown>
  close(): Promise<unknown>
}

export type Connect = (address: string) => Promise<Target>

/** A service under test, as the process that measures it knows it. */
export interface Service extends AsyncDisposable {
  readonly name: string
  /** File name of the target module in this folder, such as `holdfast.js`. */
  readonly target: string
  readonly address: string
  /** The processes whose CPU time is shown separately; empty when it can't be read from here. */
  readonly processes: readonly { readonly role: string; readonly pid: number }[]
  /** The number of its newest view, of several groups added up; absent if the service has none. */
  viewNumber?(): Promise<number>
}

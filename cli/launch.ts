// How `holdfast run` starts its command: in its own process group, so that all of it can be
// signalled. On a terminal the group also becomes the foreground group of that terminal, which only a
// shell with job control can do for us; elsewhere the command gets its own session.

import { type ChildProcess, spawn } from 'node:child_process'
import { ownsTerminal } from './foreground.ts'

export interface Launched {
  /** The process whose exit is the command's exit. */
  readonly child: ChildProcess
  /** The process group; undefined while it is not known yet, or if there is none. */
  readonly group: () => number | undefined
  /** Calls once the group is known. */
  readonly onGroup: (then: () => void) => void
}

export function launch(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Launched {
  return ownsTerminal() === true ? onTerminal(file, args, env) : detached(file, args, env)
}

function detached(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Launched {
  const child = spawn(file, args, { stdio: 'inherit', detached: true, env })
  return { child, group: () => child.pid, onGroup: then => then() }
}

/**
 * The outer shell gives the job its group and the terminal. The inner one reports its pid, which is also the
 * group's number, ignores Ctrl-Z (a stopped command would outlive the lease), and becomes CMD.
 */
const outer = 'set -m; sh -c "$0" sh "$@"'
const inner = 'trap "" TSTP; echo $$ >&3; exec 3>&-; exec "$@"'

function onTerminal(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Launched {
  const child = spawn('sh', ['-c', outer, inner, file, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env,
  })
  let group: number | undefined
  let known = () => {}
  child.stdio[3]?.on('data', (data: Buffer) => {
    group = Number(data.toString())
    known()
  })
  return {
    child,
    group: () => group,
    onGroup: then => {
      known = then
    },
  }
}

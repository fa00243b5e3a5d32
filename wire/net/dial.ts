// Dials: connects, says hello, and tells a refusal from a failure.

import { runtime as ownRuntime } from '#runtime'
import type { Trouble } from '../effects.ts'
import type { Channel, Hello, HelloFrom, Message, Welcome } from '../messages.ts'
import { wireVersion } from '../version.ts'
import { Connection, type ConnectionHandlers } from './connection.ts'
import type { Runtime } from './runtime.ts'
import { isRefused, troubleOf } from './trouble.ts'

export interface DialHandlers extends ConnectionHandlers {
  /** The dial failed. `refused`: every address of the name said ECONNREFUSED, so no process listens. */
  failed(refused: boolean, trouble: Trouble): void
}

/** Connects and says hello; the first message that arrives is `welcome` or `error`. */
export function dial(
  address: string,
  hello: Hello,
  handlers: DialHandlers,
  runtime: Runtime = ownRuntime,
  hurryAt?: number,
): { connection: Connection; cancel(): void } {
  let opened = false
  const connection = new Connection(
    runtime.openSocket(address, hurryAt),
    answerChannel(hello[4]),
    {
      opened: () => {
        opened = true
        connection.send(hello)
        connection.flush()
      },
      waits: waits => handlers.waits?.(waits),
      messages: messages => {
        listenTo(connection, messages[0])
        handlers.messages(messages)
      },
      closed: (reason, error) => {
        if (opened) handlers.closed(reason)
        else handlers.failed(isRefused(error), troubleOf(address, error, reason))
      },
    },
    false,
    runtime,
  )
  return { connection, cancel: () => connection.cut() }
}

export function helloOf(cluster: string | null, proof: string | null, from: HelloFrom): Hello {
  return ['hello', wireVersion, cluster, proof, from]
}

function answerChannel(from: HelloFrom): Channel {
  switch (from.kind) {
    case 'lockserver':
      return 'viewToServer'
    case 'primary':
      return 'backupToPrimary'
    default:
      return 'serverToClient'
  }
}

/** A client learns from the welcome which kind of server it has dialled, and what that server may say. */
function listenTo(connection: Connection, message: Message | undefined): void {
  if (connection.channel === 'serverToClient' && message?.[0] === 'welcome') {
    if ((message[1] as Welcome).kind === 'viewserver') connection.channel = 'viewToClient'
  }
}

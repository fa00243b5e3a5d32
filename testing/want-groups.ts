// Asks a view server for another number of groups (G8), as an operator would. It waits for the answer, and for nothing else.

import type { MessageOf } from '../wire/messages.ts'
import { dial, helloOf } from '../wire/net/dial.ts'
import type { Runtime } from '../wire/net/runtime.ts'
import '../wire/operator-channels.ts'

export interface Wish {
  readonly url: string
  readonly secret: string | null
  readonly groups: number
  readonly withinMs: number
}

export function wantGroups(runtime: Runtime, { url, secret, groups, withinMs }: Wish): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (why: string | null) => {
      runtime.cancel(timer)
      connection.close(null, 'done')
      if (why === null) resolve()
      else reject(new Error(`the number of groups is not changed: ${why}`))
    }
    const timer = runtime.after(withinMs, () => end('the view server does not answer'))
    const hello = helloOf(null, secret, { kind: 'client', name: 'holdfast/testing' })
    const { connection } = dial(url, hello, {
      messages: messages => {
        for (const message of messages as MessageOf<'viewToClient'>[]) {
          if (message[0] === 'welcome') connection.send(['groups', 1, groups])
          else if (message[0] === 'groups-done') end(null)
          else if (message[0] === 'groups-refused') end(message[2])
        }
      },
      closed: reason => end(reason),
      failed: (_, { text }) => end(text),
    })
  })
}

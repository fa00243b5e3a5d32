// What a running Node process uses: its heap after a collection (asked through its inspector), its resident
// memory, and the bytes that it has read.

import { once } from 'node:events'
import { WebSocket } from 'ws'
import { numberIn } from '../proc.ts'

export interface Memory {
  readonly heapBytes: number
  readonly residentBytes: number
}

/** `port`: that of its inspector on this machine. */
export async function memoryOf(pid: number, port: number): Promise<Memory> {
  const response = await fetch(`http://127.0.0.1:${port}/json/list`)
  const [target] = (await response.json()) as { webSocketDebuggerUrl: string }[]
  if (target === undefined) throw new Error(`nothing to inspect at port ${port}`)
  const socket = new WebSocket(target.webSocketDebuggerUrl, { perMessageDeflate: false })
  await once(socket, 'open')
  try {
    await ask(socket, 1, 'HeapProfiler.collectGarbage')
    const { usedSize } = (await ask(socket, 2, 'Runtime.getHeapUsage')) as { usedSize: number }
    return { heapBytes: usedSize, residentBytes: numberIn(pid, 'status', 'VmRSS') * 1_024 }
  } finally {
    socket.terminate()
  }
}

/** All bytes that it has read so far, from sockets too. */
export function bytesReadBy(pid: number): number {
  return numberIn(pid, 'io', 'rchar')
}

async function ask(socket: WebSocket, id: number, method: string): Promise<unknown> {
  socket.send(JSON.stringify({ id, method }))
  for (;;) {
    const [data] = (await once(socket, 'message')) as [Buffer]
    const answer = JSON.parse(String(data)) as { id?: number; result?: unknown; error?: unknown }
    if (answer.error !== undefined) throw new Error(`${method}: ${JSON.stringify(answer.error)}`)
    if (answer.id === id) return answer.result
  }
}

// A port that speaks TLS, and what a port without it says of a peer that does (A5). It counts and words what goes wrong; who is
// let in is for others to say.

import type { Server as PlainServer } from 'node:http'
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import { standBefore, type TlsFrontOptions, type TlsGuest } from './front.ts'

/** `server`: made with what `tls` says for listening. */
export function listenWithTls<G extends TlsGuest>(server: Server, options: TlsFrontOptions<G>): void {
  const asked = new WeakSet<Socket>()
  const note = ({ socket }: { readonly socket: Socket }) => void asked.add(socket)
  server.prependListener('request', note)
  server.prependListener('upgrade', note)
  standBefore(server, {
    ...options,
    secured: (socket, guest, quiet) => {
      options.secured?.(socket, guest, quiet)
      let byPeer = false
      const ended = () => {
        byPeer = true
      }
      socket.once('end', ended).once('error', ended)
      socket.once('close', () => {
        if (byPeer && !asked.has(socket)) quiet()
      })
    },
  })
}

/** The first bytes of a handshake: a record of version 3.x. */
const handshakeStart = [0x16, 0x03]

/** A port without TLS: a peer that begins a handshake is told of. All are answered as Node does by itself: with HTTP, by which TLS knows its mistake. */
export function tellsTls(server: PlainServer, turnedAway: (reason: string, remote: string) => void): void {
  server.on(
    'clientError',
    (error: NodeJS.ErrnoException & { readonly rawPacket?: Buffer }, socket: Socket) => {
      const isTls = handshakeStart.every((byte, i) => error.rawPacket?.[i] === byte)
      if (isTls)
        turnedAway(
          'TLS: the peer speaks TLS and this server does not: its address must begin with ws:// or http://',
          socket.remoteAddress ?? 'unknown',
        )
      if (socket.writable) socket.write(`HTTP/1.1 ${statusOf(error)}\r\nConnection: close\r\n\r\n`)
      socket.destroy()
    },
  )
}

function statusOf({ code }: NodeJS.ErrnoException): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large'
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return '413 Payload Too Large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request'
}

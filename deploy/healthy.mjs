// Whether the server in this container lives: asks for /healthz where HOLDFAST_LISTEN says, and ends with 0 or 1. Docker's
// health check runs it. It asks for no secret, and believes any certificate: it never leaves its own machine.

import http from 'node:http'
import https from 'node:https'

const { HOLDFAST_LISTEN = '0.0.0.0:7400', HOLDFAST_TLS_CERT } = process.env
const [, host = '', port] = /^\[?(.*?)\]?:(\d+)$/.exec(HOLDFAST_LISTEN) ?? []
const own = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
const options = { host: own, port, path: '/healthz', timeout: 2_000, rejectUnauthorized: false }

const asked = (HOLDFAST_TLS_CERT ? https : http).get(options, ({ statusCode }) =>
  end(statusCode === 200 ? undefined : `/healthz answered ${statusCode}`),
)
asked.once('timeout', () => end(`no answer in ${options.timeout} ms`))
asked.once('error', ({ message }) => end(message))

function end(problem) {
  if (problem !== undefined) process.stderr.write(`the server at ${own}:${port}: ${problem}\n`)
  process.exit(problem === undefined ? 0 : 1)
}

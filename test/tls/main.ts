// `npm run test:tls`: the stories of TLS with real processes and certificates of openssl. With `--crowd [N [TTL]]` the measure of a crowd
// after a failover instead.

const [option, count = '5000', ttlMs = '10000'] = process.argv.slice(2)
if (option === '--crowd') {
  const { measureCrowd } = await import('./crowd.ts')
  process.exitCode = (await measureCrowd(Number(count), Number(ttlMs))) ? 0 : 1
} else await import('./stories.ts')

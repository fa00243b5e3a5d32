// What a bundler makes of the client for a web page, and what it had to take in for it.

import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

export interface Bundle {
  readonly text: string
  readonly bytes: number
  readonly gzipBytes: number
  /** By path: bytes in the bundle, the largest first. */
  readonly inputs: readonly (readonly [string, number])[]
}

/** Of a program given as text; fails when it would need anything of Node. */
export async function bundleForPages(program: string, folder: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: folder },
    absWorkingDir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true,
    logLevel: 'silent',
  })
  const text = outputFiles[0]?.text ?? ''
  const [output] = Object.values(metafile.outputs)
  const inputs = Object.entries(output?.inputs ?? {}).map(
    ([path, { bytesInOutput }]) => [path, bytesInOutput] as const,
  )
  return {
    text,
    bytes: Buffer.byteLength(text),
    gzipBytes: gzipSync(text).length,
    inputs: inputs.sort((a, b) => b[1] - a[1]),
  }
}

// What a bundler makes of the client for a web page, and which files it includes.

import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

export interface Bundle {
  readonly text: string
  readonly bytes: number
  readonly gzipBytes: number
  /** By path: bytes in the bundle, the largest first. */
  readonly inputs: readonly (readonly [string, number])[]
}

/** Bundles a program given as text; fails if it needs anything of Node. */
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

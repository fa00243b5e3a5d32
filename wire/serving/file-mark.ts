// Tells whether a file has changed without reading it. No watch of the system sees every way to replace one.

import { stat } from 'node:fs/promises'

/** Changes whenever the file does, or another takes its place. */
export async function fileMark(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path)
    return [ino, size, mtimeMs, ctimeMs].join()
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}

import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

/** Takes a picture of the whole desktop, panel and notifications included, as a PNG. */
export async function takeScreenshot(file: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true })
  await promisify(execFile)('import', ['-window', 'root', '-strip', file], { timeout: 30_000 })
}

import { lstat, writeFile } from 'node:fs/promises'
import { replaceFile } from '../core/platform/replace-file.ts'

/**
 * Writes what a person has given the name of: a file is replaced whole, anything else (a device, a link, a pipe) is written
 * to and stays what it is, as the shell's ">" has it.
 * @throws what the system says.
 */
export async function writeGivenFile(file: string, content: string | Uint8Array): Promise<void> {
  const isOther = await lstat(file).then(
    (stats) => !stats.isFile() && !stats.isDirectory(),
    () => false,
  )
  if (isOther) await writeFile(file, content)
  else await replaceFile(file, content)
}

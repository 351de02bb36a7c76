import { lstat, writeFile } from 'node:fs/promises'
import { replaceFile } from '../../core/platform/files.ts'

/**
 * Writes to a path that the user named. A regular file is replaced atomically; a device, a link or a pipe is written to
 * and keeps its type, as with the shell's ">".
 * @throws the error of the system call.
 */
export async function writeGivenFile(file: string, content: string | Uint8Array): Promise<void> {
  // `replaceFile` handles a regular file and a missing one, and throws the error for a directory.
  const keepsType = await lstat(file).then(
    (stats) => !stats.isFile() && !stats.isDirectory(),
    () => false,
  )
  if (keepsType) await writeFile(file, content)
  else await replaceFile(file, content)
}

import { statfs } from 'node:fs/promises'
import { FileRefused } from './file-refused.ts'

/**
 * Said before the disk is filled with a part of a file that is too large for it, which would fail the small files
 * beside it.
 * @throws FileRefused `full`, or what the system says.
 */
export async function ensureRoom(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory)
  if (bytes > bavail * bsize) throw new FileRefused('full', 'ENOSPC')
}

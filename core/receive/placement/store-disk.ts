import { stat } from 'node:fs/promises'
import { FileRefused } from '../file-refused.ts'

/**
 * The disk that the store was on when the receiver started. A disk can go away under it (umount -l, a cable), and then
 * what is under its mount point is a directory like any other: what is put there is on another disk, and hidden when
 * the right one is back.
 */
export interface Home {
  /** @throws FileRefused when the store's path leads elsewhere. */
  check(): Promise<void>
}

/** A disk that comes back may have another number, but its directories have their inodes still. */
const inodeOf = (directory: string): Promise<bigint | null> =>
  stat(directory, { bigint: true }).then(
    ({ ino }) => ino,
    () => null,
  )

/** @param own the store's own directory, which the receiver has made or found: it is on no other disk. */
export function openHome(own: string): Home {
  const first = inodeOf(own)
  return {
    async check() {
      const wanted = await first
      if (wanted !== null && (await inodeOf(own)) !== wanted) throw new FileRefused('failed', 'ENODEV')
    },
  }
}

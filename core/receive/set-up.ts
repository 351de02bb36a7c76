import { createHash } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { replaceFile } from '../files/replace-file.ts'
import { errorCode, isGone } from '../files/system-error.ts'
import type { StoreLayout } from '../store/layout.ts'
import { Problem } from '../words/problem.ts'

/** Where it is remembered that a store was set up: on another disk than the store, which may not be mounted. */
const noteOf = (directory: string, root: string): string =>
  path.join(directory, createHash('sha256').update(root).digest('hex').slice(0, 32))

/** Only what is said to be absent is absent: a disk that fails has its store all the same. */
const isAbsent = (file: string): Promise<boolean> =>
  stat(file).then(
    () => false,
    (thrown) => isGone(errorCode(thrown)),
  )

/**
 * What was set up once is never made anew unasked: it would be another receiver, under the mount point of its disk.
 * @param directory where set-up stores are remembered.
 * @throws Problem transfer.storeGone
 */
export async function refuseAnew(directory: string, { own, root }: StoreLayout): Promise<void> {
  if ((await isAbsent(own)) && !(await isAbsent(noteOf(directory, root))))
    throw new Problem('transfer.storeGone', { path: root, own })
}

/** @throws what the system says. */
export async function rememberStore(directory: string, { root }: StoreLayout): Promise<void> {
  const note = noteOf(directory, root)
  if (!(await isAbsent(note))) return
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await replaceFile(note, `${root}\n`)
}

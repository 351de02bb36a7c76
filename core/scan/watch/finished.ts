import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs'
import { errorCode } from '../../system-error.ts'
import { hasWriter } from '../../wire/lease.ts'
import type { FileFacts } from '../facts.ts'
import { factsOf } from '../facts.ts'
import { isGone } from '../walk.ts'

/**
 * What a look at one path found. `unproven`: whether a writer holds it cannot be asked here. `new`: an empty
 * file of this instant, to be looked at again in `NEW_FOR_MS`. `known`: the caller needs no look at this content.
 */
export type Examined =
  | { state: 'finished' | 'unproven'; facts: FileFacts }
  | { state: 'busy' | 'new' | 'known' | 'gone' | 'not-a-file' }
  | { state: 'error'; code: string }

/**
 * open(2) with O_CREAT enters the name in the directory an instant before it counts as a writer: an empty file
 * that has not been closed by anybody may be in that instant for as long as its process is not scheduled.
 */
export const NEW_FOR_MS = 100

/** Never waits for a FIFO's other end, follows no symbolic link. */
const LOOK = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY

/**
 * Looks whether a file is there and whether a writer holds it open. Synchronous: for the watcher's thread.
 * `wasClosed`: the kernel has told that a writer closed it, so it is past its creation.
 */
export function examineFile(
  absolute: string,
  path: string,
  { wasClosed = false, isKnown }: { wasClosed?: boolean; isKnown?: (facts: FileFacts) => boolean } = {},
): Examined {
  try {
    // Before open: opening a device can have effects of its own.
    const before = lstatSync(absolute, { bigint: true, throwIfNoEntry: false })
    if (before === undefined) return { state: 'gone' }
    if (!before.isFile()) return { state: 'not-a-file' }
    if (isKnown?.(factsOf(path, before))) return { state: 'known' }
    const fd = openSync(absolute, LOOK)
    try {
      const writer = hasWriter(fd)
      if (writer === 'yes') return { state: 'busy' }
      const stats = fstatSync(fd, { bigint: true })
      if (!wasClosed && stats.size === 0n && isNew(stats.ctimeNs)) return { state: 'new' }
      const facts = factsOf(path, stats)
      return { state: writer === 'no' ? 'finished' : 'unproven', facts }
    } finally {
      closeSync(fd)
    }
  } catch (thrown) {
    const code = errorCode(thrown)
    if (code === null) throw thrown
    if (isGone(code)) return { state: 'gone' }
    return code === 'ELOOP' ? { state: 'not-a-file' } : { state: 'error', code }
  }
}

/** Whether a file has more names than one; false if it cannot be looked at. */
export function hasOtherNames(absolute: string): boolean {
  try {
    return (lstatSync(absolute, { throwIfNoEntry: false })?.nlink ?? 0) > 1
  } catch {
    return false
  }
}

function isNew(ctimeNs: bigint): boolean {
  const age = Date.now() - Number(ctimeNs / 1_000_000n)
  return age >= 0 && age < NEW_FOR_MS
}

import { closeSync, constants, fstatSync, lstatSync, openSync } from 'node:fs'
import { errorCode } from '../../words/problem.ts'
import type { FileFacts } from '../facts.ts'
import { factsOf } from '../facts.ts'
import { isGone } from '../walk.ts'
import { hasWriter } from './linux.ts'

/** What a look at one path found. `unproven`: whether a writer holds it cannot be asked here. */
export type Examined =
  | { state: 'finished' | 'unproven'; facts: FileFacts }
  | { state: 'busy' | 'gone' | 'not-a-file' }
  | { state: 'error'; code: string }

/** Never waits for a FIFO's other end, follows no symbolic link. */
const LOOK = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW | constants.O_NOCTTY

/** Looks whether a file is there and whether a writer holds it open. Synchronous: for the watcher's thread. */
export function examineFile(absolute: string, path: string): Examined {
  try {
    // Before open: opening a device can have effects of its own.
    const before = lstatSync(absolute, { bigint: true, throwIfNoEntry: false })
    if (before === undefined) return { state: 'gone' }
    if (!before.isFile()) return { state: 'not-a-file' }
    const fd = openSync(absolute, LOOK)
    try {
      const writer = hasWriter(fd)
      if (writer === 'yes') return { state: 'busy' }
      const facts = factsOf(path, fstatSync(fd, { bigint: true }))
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

import { openBeneath } from '../../files/beneath.ts'
import { closeFd } from '../../files/fd.ts'
import { READ_FILE } from '../../files/open-flags.ts'
import { errorCode, isGone } from '../../files/system-error.ts'
import { loadHasWriter } from '../batch/at-work.ts'
import { callOn } from '../tree/calls.ts'

/** What a look at a file found. `unproven`: whether a program writes it cannot be asked here. */
export type Seen = { state: 'finished' | 'unproven' | 'busy' } | { state: 'error'; code: string }

/** Looks at a file, by its path relative to the source. */
export type Examine = (path: string) => Promise<Seen>

/**
 * Asks whether a program writes a file. Through the pool of threads: a disk that hangs keeps one of those, and not
 * the loop that is to notice it. Where leases cannot be asked for, every file counts as unproven.
 */
export async function openExaminer(root: string): Promise<Examine> {
  const hasWriter = await loadHasWriter()
  if (hasWriter === null) return async () => ({ state: 'unproven' })
  const look = async (file: string): Promise<Seen> => {
    const fd = await openBeneath(root, file, READ_FILE)
    try {
      const answer = hasWriter(fd)
      return { state: answer === 'yes' ? 'busy' : answer === 'no' ? 'finished' : 'unproven' }
    } finally {
      await closeFd(fd)
    }
  }
  return async (path) => {
    try {
      return await callOn(root, () => look(path))
    } catch (thrown) {
      const code = errorCode(thrown)
      if (code === null) throw thrown
      // Gone, or another thing than it was a moment ago: whoever sends it finds that out.
      return isGone(code) || code === 'ELOOP' ? { state: 'finished' } : { state: 'error', code }
    }
  }
}

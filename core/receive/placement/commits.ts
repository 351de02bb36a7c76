import { createSemaphore } from '../../pacing/semaphore.ts'
import type { Outcome } from '../file-refused.ts'
import { FileRefused, outcomeOf } from '../file-refused.ts'
import { OWN_DIRECTORY } from '../layout.ts'
import type { Note } from '../manifest/notes.ts'
import type { Directories, Place, Round } from './directories.ts'
import { newRound, placeOf } from './directories.ts'
import type { Placement, Written } from './placement.ts'

/** Files in one round; more wait for the next one, which begins at once. */
const ROUND_FILES = 1024
/** Files that are put in their places at the same time: the directory of each is open meanwhile. */
const PLACES_AT_ONCE = 64

export interface Commits {
  /** Resolves when the file is in its place and durable there, or says why not. Never rejects. */
  add(written: Written): Promise<Outcome>
}

/**
 * Why a file's name is not durable though the round is over; null: it is. A directory that cannot be synced is a sick
 * disk: nothing of the round is promised. One that somebody has replaced by a link costs the files below it alone.
 */
function unsyncedOf(failed: ReadonlyMap<Place, unknown>, components: readonly string[]): unknown {
  for (const [place, thrown] of failed) {
    const isSick = !(thrown instanceof FileRefused) || place.startsWith(OWN_DIRECTORY)
    if (isSick || `${placeOf(components)}/`.startsWith(`${place}/`)) return thrown
  }
  return null
}

/**
 * Group commit: while one round puts its files in place and syncs each directory once, the files of the
 * next one gather. So the cost of a directory's sync is shared by all files that came during the last.
 *
 * @param record makes durable what a round has done; never rejects.
 */
export function openCommits(
  directories: Directories,
  placement: Placement,
  record: (notes: readonly Note[]) => Promise<void>,
): Commits {
  let waiting: { written: Written; answer: (outcome: Outcome) => void }[] = []
  let running = false
  const turns = createSemaphore(PLACES_AT_ONCE)

  const placeOne = async (written: Written, round: Round): Promise<Outcome> => {
    await turns.acquire()
    try {
      const same = await placement.place(written, round)
      return { status: same ? 'same' : 'durable', detail: '' }
    } catch (thrown) {
      return outcomeOf(thrown)
    } finally {
      turns.release()
    }
  }

  const commitRound = async (files: typeof waiting): Promise<void> => {
    const round = newRound()
    const placed = await Promise.all(files.map(({ written }) => placeOne(written, round)))
    const [failed] = await Promise.all([directories.sync(round), record(round.notes)])
    directories.close(round)
    files.forEach(({ written, answer }, index) => {
      const outcome = placed[index] ?? { status: 'failed', detail: '' }
      const unsynced = unsyncedOf(failed, written.components)
      const kept = outcome.status === 'durable' || outcome.status === 'same'
      answer(kept && unsynced !== null ? outcomeOf(unsynced) : outcome)
    })
  }

  const run = async (): Promise<void> => {
    while (waiting.length > 0) {
      const files = waiting.slice(0, ROUND_FILES)
      waiting = waiting.slice(ROUND_FILES)
      await commitRound(files)
    }
    running = false
  }

  return {
    add: (written) =>
      new Promise((answer) => {
        waiting.push({ written, answer })
        if (running) return
        running = true
        void run()
      }),
  }
}

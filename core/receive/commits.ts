import type { Directories } from './directories.ts'
import { newRound } from './directories.ts'
import type { Outcome } from './file-refused.ts'
import { outcomeOf } from './file-refused.ts'
import type { Note } from './manifest/notes.ts'
import type { Placement, Written } from './placement.ts'

/** Files in one round; more wait for the next one, which begins at once. */
const ROUND_FILES = 1024

export interface Commits {
  /** Resolves when the file is in its place and durable there, or says why not. Never rejects. */
  add(written: Written): Promise<Outcome>
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

  const commitRound = async (files: typeof waiting): Promise<void> => {
    const round = newRound()
    const placed = await Promise.all(
      files.map(({ written }) =>
        placement
          .place(written, round)
          .then((same): Outcome => ({ status: same ? 'same' : 'durable', detail: '' }), outcomeOf),
      ),
    )
    const [failed] = await Promise.all([directories.sync(round), record(round.notes)])
    const unsynced = failed.values().next()
    files.forEach(({ answer }, index) => {
      const outcome = placed[index] ?? { status: 'failed', detail: '' }
      // A directory that cannot be synced is a sick disk: nothing of this round is promised.
      const kept = outcome.status === 'durable' || outcome.status === 'same'
      answer(kept && unsynced.done !== true ? outcomeOf(unsynced.value) : outcome)
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

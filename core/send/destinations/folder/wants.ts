import { stat } from 'node:fs/promises'
import type { Store } from '../../../store/store.ts'

/** Files that were asked for and have not come are asked for again after this. */
const AGAIN_MS = 10 * 60_000

export interface Wants {
  /** Looks whether the store wants files again: what verify has found is asked for by a change of its `wanted` file. */
  look(): Promise<void>
}

/**
 * @param file see StoreLayout.wanted.
 * @param want is told of files by the store's directory of their source, and their path.
 */
export function openWants(
  store: Pick<Store, 'wanted'>,
  folder: string,
  file: string,
  want: (files: { directory: string; path: string }[]) => void,
): Wants {
  let stamp: string | null = null
  let askedAt: number | null = null

  const askAll = async (): Promise<boolean> => {
    let after = 0
    for (;;) {
      const found = await store.wanted(folder, after)
      if (found.length === 0) return after > 0
      want([...found])
      after += found.length
    }
  }

  return {
    async look() {
      const now = await stat(file, { bigint: true }).then(
        ({ ino, mtimeNs }) => `${ino} ${mtimeNs}`,
        () => '',
      )
      const isTime = askedAt !== null && performance.now() - askedAt > AGAIN_MS
      if (now === stamp && !isTime) return
      askedAt = (await askAll()) ? performance.now() : null
      stamp = now
    },
  }
}

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'

const ENDING = '.places'

const announced = z.object({
  /** When; milliseconds since 1970. */
  at: z.number(),
  places: z.array(z.string()).readonly(),
})
type Announced = z.infer<typeof announced>

/**
 * Where a receiver writes which files it is about to give their names, a round at a time. What it leaves behind, the
 * next one looks at: nobody waits for a round to end when a receiver is stopped.
 */
export interface Places {
  /**
   * To be called before the round. The line is there for whoever comes after a receiver that was killed; for a power
   * failure it is as durable as the round, which syncs the whole file system. Never rejects: without it the files of
   * a killed round are unknown until they are sent again.
   * @param places paths below the store's root, with "/".
   */
  announce(places: readonly string[]): Promise<void>
}

/**
 * Two files by turns: the journal may still lack the lines of one round when the next one begins.
 * @param tag tells this process's files from others'.
 */
export function openPlaces(directory: string, tag: string): Places {
  let rounds = 0
  const fileOf = (round: number) => path.join(directory, `${tag}-${round % 2}${ENDING}`)
  return {
    async announce(places) {
      rounds += 1
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        await writeFile(fileOf(rounds), JSON.stringify({ at: Date.now(), places } satisfies Announced), {
          mode: 0o600,
        })
      } catch {
        // A disk in trouble says so when the files themselves are written.
      }
    },
  }
}

/**
 * Hands `judge` each place that receivers which are gone were at, and when they said so, and removes their files.
 * Blocks.
 * @param tag of the receiver that runs, whose files stay; null: none does.
 */
export function takePlaces(
  directory: string,
  tag: string | null,
  judge: (place: string, at: number) => void,
): void {
  for (const name of readdirSync(directory)) {
    if (!name.endsWith(ENDING) || (tag !== null && name.startsWith(`${tag}-`))) continue
    const file = path.join(directory, name)
    try {
      const { at, places } = parsed(readFileSync(file, 'utf8'))
      for (const place of places) judge(place, at)
      rmSync(file)
    } catch {
      // A disk that does not give it does not give the files either, as verify says; the next start tries again.
    }
  }
}

/** Whether some receiver has left such a file. */
export const hasPlaces = (names: readonly string[]): boolean => names.some((name) => name.endsWith(ENDING))

/** Half a file is of a round that was never begun. */
function parsed(text: string): Announced {
  try {
    return announced.parse(JSON.parse(text))
  } catch {
    return { at: 0, places: [] }
  }
}

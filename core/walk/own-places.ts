import { realpath, stat } from 'node:fs/promises'
import { expectErrorCodes, ignoreError } from '../dropped-errors.ts'
import { isWithin } from '../platform/mounts.ts'
import { callInTime } from './call-in-time.ts'
import { relativeTo } from './scanned-file.ts'

/** Time limit for the disk of a store, which may hang. */
const PATIENCE_MS = 5_000

/** The identity of a directory or a file: st_dev and st_ino. */
interface Inode {
  dev: bigint
  ino: bigint
}

/**
 * Holdfast's own directories and key files, which no source contains. They are known by device and inode, so that no
 * link and no bind mount hides one; a store that the settings do not name is known by its index.
 */
export class OwnPlaces {
  readonly #places: readonly string[]
  readonly #known = new Map<string, { inode: string; real: string }>()
  /** The inodes of `#known`: every file of every source is compared with them. */
  #inodes: ReadonlySet<string> = new Set()

  /** @param places absolute paths, which need not exist */
  constructor(places: readonly string[]) {
    this.#places = places
  }

  /**
   * Looks at the places again. Forgets one that is gone, since another file or disk may get its numbers. Keeps one whose
   * disk gives no answer.
   */
  async refresh(): Promise<void> {
    const look = async (place: string) => {
      const found = await callInTime(place, PATIENCE_MS, async () => ({
        inode: toKey(await stat(place, { bigint: true })),
        real: await realpath(place),
      })).catch(expectErrorCodes(['ENOENT', 'ENOTDIR'], null))
      if (found === null) this.#known.delete(place)
      else this.#known.set(place, found)
      this.#inodes = new Set([...this.#known.values()].map(({ inode }) => inode))
    }
    const keep = ignoreError('a place that cannot be looked at stays known')
    await Promise.all(this.#places.map((place) => look(place).catch(keep)))
  }

  has(inode: Inode): boolean {
    return this.#inodes.has(toKey(inode))
  }

  /** Returns the places below a directory, relative to it. @param root with symbolic links resolved */
  below(root: string): string[] {
    const inside = [...this.#known.values()].filter(({ real }) => real !== root && isWithin(real, root))
    return inside.map(({ real }) => relativeTo(root, real))
  }
}

const toKey = ({ dev, ino }: Inode): string => `${dev}:${ino}`

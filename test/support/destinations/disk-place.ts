import {
  existsSync,
  globSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { type FileThere, flipBit, type Place } from './kind.ts'

type OnDisk = Pick<Place, 'file' | 'older' | 'damage' | 'leftOvers'>

/**
 * A destination whose files are in a directory of this computer.
 * @param own where a sender's folder is.
 * @param versions where its older contents are.
 * @param partials directories of what is not complete.
 */
export function placeOnDisk(own: string, versions: string, partials: readonly string[]): OnDisk {
  return {
    async file(source, name): Promise<FileThere | null> {
      const file = path.join(own, source, name)
      if (!existsSync(file)) return null
      const { mtimeNs, mode } = statSync(file, { bigint: true })
      return { bytes: readFileSync(file), mtimeNs, mode: Number(mode & 0o777n) }
    },
    async older(source, name) {
      const directory = path.join(versions, source, name)
      if (!existsSync(directory)) return []
      return readdirSync(directory)
        .filter((version) => !version.startsWith('.'))
        .sort()
        .map((version) => readFileSync(path.join(directory, version)))
    },
    async damage(source, name, change = flipBit) {
      const file = path.join(own, source, name)
      const { atime, mtime } = statSync(file)
      const bytes = change(readFileSync(file))
      if (bytes === null) return rmSync(file)
      writeFileSync(file, bytes)
      utimesSync(file, atime, mtime)
    },
    leftOvers: async () =>
      partials.flatMap((directory) =>
        globSync(path.join(directory, '**/*')).filter((one) =>
          statSync(one, { throwIfNoEntry: false })?.isFile(),
        ),
      ),
  }
}

/** See Place.fill: of a disk of its own. */
export function fillDisk(point: string, leaving: number): () => void {
  const filler = path.join(point, 'filler')
  const { bavail, bsize } = statfsSync(point)
  try {
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - leaving)))
  } catch (error) {
    // Others write there, too: it is fuller then.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
  }
  return () => rmSync(filler)
}

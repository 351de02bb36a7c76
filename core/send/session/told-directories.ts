import type { FoundDirectory } from '../reading/group.ts'

/** Directories whose facts are remembered; beyond it they are told anew. */
const MOST = 20_000
/** Of one frame's files; those beyond are told with others. */
const AT_ONCE = 128

/** What the receiver was told of directories on this connection. */
export interface ToldDirectories {
  /** Those of a source that are new to the receiver, or not as it was told; they count as told from now on. */
  news(source: string, directories: readonly FoundDirectory[]): FoundDirectory[]
  /** These did not go after all. */
  forget(source: string, directories: readonly FoundDirectory[]): void
}

export function openToldDirectories(): ToldDirectories {
  const told = new Map<string, string>()
  return {
    news(source, directories) {
      const found: FoundDirectory[] = []
      for (const directory of directories) {
        if (found.length >= AT_ONCE) break
        const { path, facts } = directory
        const { mtimeNs, mode, user, group, more } = facts
        const attributes = more?.attributes === undefined ? '' : JSON.stringify(more.attributes)
        const now = `${mtimeNs} ${mode} ${user} ${group} ${attributes}`
        const place = `${source}/${path}`
        if (told.get(place) === now) continue
        if (told.size >= MOST) told.clear()
        told.set(place, now)
        found.push(directory)
      }
      return found
    },
    forget(source, directories) {
      for (const { path } of directories) told.delete(`${source}/${path}`)
    },
  }
}

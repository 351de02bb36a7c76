import type { FoundDirectory } from '../reading/group.ts'
import type { OutgoingSource } from './destination.ts'

/** Directories whose facts are remembered; beyond it they are told anew. */
const MOST = 20_000
/** With some files; those beyond are told with others. */
const AT_ONCE = 128

/**
 * Which directories a destination does not know yet, or not as they are: they count as told from now on. For one
 * session.
 */
export function openNews(): (
  source: Pick<OutgoingSource, 'id'>,
  directories: readonly FoundDirectory[],
) => FoundDirectory[] {
  const told = new Map<string, string>()
  return ({ id }, directories) => {
    const found: FoundDirectory[] = []
    for (const directory of directories) {
      if (found.length >= AT_ONCE) break
      const { path, facts } = directory
      const { mtimeNs, mode, user, group, more } = facts
      const attributes = more?.attributes === undefined ? '' : JSON.stringify(more.attributes)
      const now = `${mtimeNs} ${mode} ${user} ${group} ${attributes}`
      const place = `${id}/${path}`
      if (told.get(place) === now) continue
      if (told.size >= MOST) told.clear()
      told.set(place, now)
      found.push(directory)
    }
    return found
  }
}

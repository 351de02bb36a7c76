import { createSemaphore, withPermit } from '../pacing/semaphore.ts'
import type { ObjectStore } from '../send/destinations/objects/object-store.ts'
import { readOwner } from '../send/destinations/objects/owner.ts'
import { nameFault } from '../wire/names.ts'
import { Problem } from '../words/problem.ts'
import type { Computer } from './computer-schema.ts'

/** Folders at a destination beyond this are not looked into. */
const MOST_FOLDERS = 10_000

/** Every folder of a store of objects that says whose it is. @param at the destination's name. @throws StoreFault. */
export async function computersIn(store: ObjectStore, at: string, signal: AbortSignal): Promise<Computer[]> {
  const folders: string[] = []
  for (let after: string | null = null; folders.length < MOST_FOLDERS; ) {
    const page = await store.list('', after, false)
    folders.push(...page.directories.map((directory) => directory.slice(0, -1)))
    after = page.next
    if (after === null) break
  }
  const slots = createSemaphore(Math.max(1, store.can.parallel))
  const computerOf = async (folder: string): Promise<Computer[]> => {
    // What is no folder of Holdfast's, or says nothing that can be understood, is nobody's.
    const owner = await readOwner(store, folder, at, signal).catch((thrown: unknown) => {
      if (thrown instanceof Problem) return null
      throw thrown
    })
    if (owner === null) return []
    const { computer: name, recipient, hideNames: hidesNames } = owner
    return [{ folder, name, isOwn: false, isEncrypted: recipient !== null, hidesNames }]
  }
  const usable = folders.filter((folder) => nameFault(folder) === null && !folder.includes('/'))
  const all = await Promise.all(usable.map((folder) => withPermit(slots, () => computerOf(folder))))
  return all.flat()
}

/** @param name the destination's. */
export function noComputer(name: string, computer: string, there: readonly Computer[]): Problem {
  if (there.length === 0) return new Problem('restore.noComputers', { name })
  const computers = there.map(({ folder }) => folder).join(', ')
  return new Problem('restore.noComputer', { name, computer, computers })
}

import { warnUnlessCode } from '../../../dropped-errors.ts'
import { type Keep, type Version, versionsToPrune } from '../../../store/retention/choose.ts'
import { replacedAt, versionNameAsGiven } from '../../../store/retention/name.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'

/** Limit of waiting names; a name beyond it is thinned when its content is replaced the next time. */
const MOST_WAITING = 10_000

type Store = Pick<ObjectStore, 'list' | 'remove' | 'lastChange'>
type Found = Version & { name: string }

function parseVersion({ name, storedAt }: ObjectInfo): Found | null {
  const version = name.slice(name.lastIndexOf('/') + 1)
  const at = replacedAt(versionNameAsGiven(version))
  if (at === null) return null
  // The later of two clocks, this computer's and the store's.
  return { name, version, replacedAt: at, replacedClockMs: Math.max(at, storedAt), isPinned: false }
}

/** Returns the older versions of a name to remove, by a receiver's rules. @param now the earlier of the two clocks. */
export function olderToThin(objects: readonly ObjectInfo[], keep: Keep, now: number): string[] {
  const all = objects.flatMap((one) => parseVersion(one) ?? [])
  all.sort((a, b) => a.replacedAt - b.replacedAt)
  // The newest version always stays: the content that replaces it may not have arrived.
  return versionsToPrune(all, keep, false, now).map(({ name }) => name)
}

/** Thins the older versions of names whose content was replaced, one name at a time, in the background. */
export function openThinning(store: Store, keep: Keep, signal: AbortSignal) {
  const waiting = new Set<string>()
  let isBusy = false

  const thin = async (directory: string): Promise<void> => {
    const objects: ObjectInfo[] = []
    let after: string | null = null
    do {
      const page: Awaited<ReturnType<Store['list']>> = await store.list(`${directory}/`, after, false)
      objects.push(...page.objects)
      after = page.next
    } while (after !== null)
    // A version was set aside a moment ago, so the newest time is the store's current one.
    const storesNow =
      (await store.lastChange?.(directory)) ?? Math.max(0, ...objects.map(({ storedAt }) => storedAt))
    for (const name of olderToThin(objects, keep, Math.min(Date.now(), storesNow))) {
      if (signal.aborted) return
      await store.remove(name)
    }
  }

  const work = async () => {
    isBusy = true
    for (const directory of waiting) {
      if (signal.aborted) break
      waiting.delete(directory)
      // If the login may not remove objects, all versions stay.
      await thin(directory).catch((error) =>
        warnUnlessCode(error, [], 'older versions stay until the next one comes'),
      )
    }
    isBusy = false
  }

  /** @param directory the directory of a name's older versions. */
  return (directory: string): void => {
    if (waiting.size < MOST_WAITING) waiting.add(directory)
    if (!isBusy) void work()
  }
}

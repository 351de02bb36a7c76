import { warnUnlessCode } from '../../../dropped-errors.ts'
import { type Keep, type Version, versionsToPrune } from '../../../store/retention/choose.ts'
import { replacedAt, versionNameAsGiven } from '../../../store/retention/name.ts'
import type { ObjectInfo, ObjectStore } from './object-store.ts'

/** Names that wait; of more, those are looked at whose content is replaced again. */
const MOST_WAITING = 10_000

type Store = Pick<ObjectStore, 'list' | 'remove' | 'lastChange'>
type Found = Version & { name: string }

function versionOf({ name, storedAt }: ObjectInfo): Found | null {
  const version = name.slice(name.lastIndexOf('/') + 1)
  const at = replacedAt(versionNameAsGiven(version))
  if (at === null) return null
  // By the later of two clocks, this computer's and the store's.
  return { name, version, replacedAt: at, replacedClockMs: Math.max(at, storedAt), isPinned: false }
}

/** The older contents of one name that go, as at a receiver. @param now by the earlier one of the two clocks. */
export function olderToThin(objects: readonly ObjectInfo[], keep: Keep, now: number): string[] {
  const all = objects.flatMap((one) => versionOf(one) ?? [])
  all.sort((a, b) => a.replacedAt - b.replacedAt)
  // The newest one always stays: the content that replaces it may not have arrived.
  return versionsToPrune(all, keep, false, now).map(({ name }) => name)
}

/** Thins the older contents of names whose content was replaced, one name after the other, beside all else. */
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
    // One of them was set aside a moment ago.
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
      // A login that may remove nothing keeps everything.
      await thin(directory).catch((error) =>
        warnUnlessCode(error, [], 'older versions stay until the next one comes'),
      )
    }
    isBusy = false
  }

  /** @param directory the one that the older contents of a name are in. */
  return (directory: string): void => {
    if (waiting.size < MOST_WAITING) waiting.add(directory)
    if (!isBusy) void work()
  }
}

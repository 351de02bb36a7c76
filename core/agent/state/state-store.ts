import { isDeepStrictEqual } from 'node:util'
import type { AppState, StatePatch, StateSnapshot } from './schema.ts'

/** Limit of patches per second for a view. */
const PATCHES_A_SECOND = 4

export interface StateStore {
  readonly state: AppState
  snapshot(): StateSnapshot
  /** Replaces whole parts; the next patch contains the changes. */
  update(changes: Partial<AppState>): void
  /** Recomputes the derived parts, which may change as time passes. */
  refresh(): void
  /**
   * Calls the listener with each patch, whose `base` is the previous revision. Returns the function that ends the
   * subscription.
   */
  subscribe(listener: (patch: StatePatch) => void): () => void
  stop(): void
}

const partsThatDiffer = (state: AppState, changes: Partial<AppState>) =>
  (Object.keys(changes) as (keyof AppState)[]).filter((key) => !isDeepStrictEqual(state[key], changes[key]))

/** Returns the changed parts; for long lists of unchanged length, only the changed items. */
function differences(
  before: AppState,
  now: AppState,
  changed: ReadonlySet<keyof AppState>,
): Pick<StatePatch, 'changes' | 'items'> {
  const hasSameLength = (key: 'sources' | 'checkedPaths') =>
    changed.has(key) && before[key].length === now[key].length
  const items: StatePatch['items'] = {
    ...(hasSameLength('sources') && { sources: itemsThatDiffer(before.sources, now.sources) }),
    ...(hasSameLength('checkedPaths') && {
      checkedPaths: itemsThatDiffer(before.checkedPaths, now.checkedPaths),
    }),
  }
  const parts = [...changed].filter((key) => !(key in items))
  return { changes: Object.fromEntries(parts.map((key) => [key, now[key]])), items }
}

function itemsThatDiffer<T>(before: readonly T[], now: readonly T[]): Record<string, T> {
  const differing = now.flatMap((item, index) =>
    isDeepStrictEqual(item, before[index]) ? [] : [[index, item] as const],
  )
  return Object.fromEntries(differing)
}

/**
 * Creates the store of the application's only state. `derive` computes the derived parts (the overall status) just
 * before each patch.
 */
export function createStateStore(
  initial: AppState,
  derive: (state: AppState) => Partial<AppState>,
): StateStore {
  let state = initial
  let revision = 1
  let changed = new Set<keyof AppState>()
  let timer: NodeJS.Timeout | null = null
  let patchedAt = Number.NEGATIVE_INFINITY
  /** The state as of the last patch. */
  let patchedState = initial
  const listeners = new Set<(patch: StatePatch) => void>()

  const assign = (changes: Partial<AppState>) => {
    for (const key of partsThatDiffer(state, changes)) {
      state = { ...state, [key]: changes[key] }
      changed.add(key)
    }
  }

  const flushSoon = () => {
    if (changed.size === 0 || timer !== null) return
    timer = setTimeout(flush, Math.max(0, patchedAt + 1000 / PATCHES_A_SECOND - performance.now()))
  }

  const flush = () => {
    timer = null
    assign(derive(state))
    if (changed.size === 0) return
    const patch = { base: revision, revision: revision + 1, ...differences(patchedState, state, changed) }
    changed = new Set()
    revision = patch.revision
    patchedState = state
    patchedAt = performance.now()
    for (const listener of listeners) listener(patch)
  }

  const update = (changes: Partial<AppState>) => {
    assign(changes)
    flushSoon()
  }

  return {
    get state() {
      return state
    },
    snapshot: () => {
      // Pending changes go out first, so that this snapshot's revision is the next patch's base.
      if (timer !== null) clearTimeout(timer)
      flush()
      return { revision, state }
    },
    update,
    refresh: () => update(derive(state)),
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    stop: () => {
      if (timer !== null) clearTimeout(timer)
      listeners.clear()
    },
  }
}

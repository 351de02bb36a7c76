import type { AppState, StatePatch, StateSnapshot } from '../../core/agent/state/schema.ts'

export type Applied = { kind: 'applied'; snapshot: StateSnapshot } | { kind: 'old' } | { kind: 'gap' }

/** Applies a patch to a snapshot; `gap`: patches are missing, and a new snapshot is needed. */
export function applyPatch(view: StateSnapshot, patch: StatePatch): Applied {
  if (patch.revision <= view.revision) return { kind: 'old' }
  if (patch.base !== view.revision) return { kind: 'gap' }
  return {
    kind: 'applied',
    snapshot: {
      revision: patch.revision,
      state: shareUnchanged(view.state, merge(view.state, patch)),
    },
  }
}

function merge(state: AppState, { changes, items = {} }: StatePatch): AppState {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined))
  return {
    ...state,
    ...(items.sources && { sources: withItems(state.sources, items.sources) }),
    ...(items.checkedPaths && { checkedPaths: withItems(state.checkedPaths, items.checkedPaths) }),
    ...given,
  }
}

const withItems = <T>(list: readonly T[], items: Record<string, T>): T[] =>
  list.map((item, place) => items[place] ?? item)

/**
 * Returns `next` with each part that equals the previous one replaced by it. Data from another process consists of new
 * objects only: without this, a change of one source would render a thousand others again.
 */
export function shareUnchanged<T>(previous: T, next: T): T {
  return share(previous, next) as T
}

function share(previous: unknown, next: unknown): unknown {
  if (Object.is(previous, next)) return previous
  if (Array.isArray(previous) && Array.isArray(next)) {
    const items = next.map((item, index) => share(previous[index], item))
    const same = items.length === previous.length && items.every((item, index) => item === previous[index])
    return same ? previous : items
  }
  if (isRecord(previous) && isRecord(next)) {
    const entries = Object.entries(next).map(([key, value]) => [key, share(previous[key], value)] as const)
    const same =
      entries.length === Object.keys(previous).length &&
      entries.every(([key, value]) => key in previous && Object.is(previous[key], value))
    return same ? previous : Object.fromEntries(entries)
  }
  return next
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

import { sep } from 'node:path'
import type { PathFacts } from '../../check/inspect.ts'
import type { Message } from '../../words/message.ts'
import { message } from '../../words/message.ts'

/** What of them a refusal hangs on. */
export type LookedAt = Pick<PathFacts, 'real' | 'kind' | 'readable' | 'code'>

export interface TakenPaths {
  /** Real paths of the sources that exist. */
  sources: { path: string; name: string }[]
  /** Real paths of the folders that files are sent to: the one here, and those of destinations. */
  stores: readonly string[]
}

/** Whether a path is the other one or lies below it, by their text. */
export function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : `${outer}${sep}`)
}

/** Why a directory cannot become a source; null if it can. */
export function refuseSource(path: string, facts: LookedAt, taken: TakenPaths): Message | null {
  const unusable = refusePath(path, facts)
  if (unusable !== null) return unusable
  if (facts.real === null || facts.kind !== 'directory') return message('refuse.notDirectory', { path })
  const real = facts.real
  const same = taken.sources.find((one) => one.path === real)
  if (same !== undefined) return message('refuse.already', { path, name: same.name })
  const outer = taken.sources.find((one) => isWithin(real, one.path))
  if (outer !== undefined)
    return message('refuse.insideSource', { path, name: outer.name, outer: outer.path })
  const inner = taken.sources.find((one) => isWithin(one.path, real))
  if (inner !== undefined)
    return message('refuse.aroundSource', { path, name: inner.name, inner: inner.path })
  for (const store of taken.stores) {
    if (isWithin(store, real)) return message('refuse.containsStore', { path, store })
    if (isWithin(real, store)) return message('refuse.insideStore', { path, store })
  }
  return null
}

/** Why files cannot be sent to a directory; null if they can. */
export function refuseFolder(path: string, facts: LookedAt, taken: TakenPaths): Message | null {
  const unusable = refusePath(path, facts)
  if (unusable !== null) return unusable
  const { real } = facts
  if (real === null || facts.kind !== 'directory') return message('refuse.notDirectory', { path })
  const isNear = (other: string) => isWithin(real, other) || isWithin(other, real)
  const source = taken.sources.find((one) => isNear(one.path))
  if (source !== undefined)
    return message('refuse.folderSource', { path, name: source.name, source: source.path })
  const store = taken.stores.find(isNear)
  return store === undefined ? null : message('refuse.folderStore', { path, store })
}

/** Why a path cannot even be checked; null if it can. */
export function refusePath(path: string, facts: LookedAt): Message | null {
  if (facts.code !== null) return message('refuse.cannotLook', { path, reason: facts.code })
  if (facts.real === null) return message('refuse.missing', { path })
  if (!facts.readable) return message('refuse.unreadable', { path })
  return null
}

/**
 * Sources of the settings that must not run, by their paths alone: a settings file can be edited by hand.
 * The first of two that overlap stays.
 */
export function refuseConfigured(
  sources: readonly { id: string; path: string; name: string }[],
  stores: readonly string[],
): Map<string, Message> {
  const refused = new Map<string, Message>()
  const taken: TakenPaths = { sources: [], stores }
  for (const { id, path, name } of sources) {
    const facts: LookedAt = { real: path, kind: 'directory', readable: true, code: null }
    const refusal = refuseSource(path, facts, taken)
    if (refusal === null) taken.sources.push({ path, name })
    else refused.set(id, refusal)
  }
  return refused
}

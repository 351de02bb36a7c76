import type { Bridge } from '../../core/agent/contract.ts'
import type { StatePatch, StateSnapshot } from '../../core/agent/state/schema.ts'
import type { Message } from '../../core/lib/i18n/message.ts'
import { applyPatch, shareUnchanged } from './patch.ts'
import { sentenceOfThrown } from './thrown.ts'

/** The window's view: a snapshot, null at first; `unreachable` is the reason while the agent does not answer. */
export interface View {
  snapshot: StateSnapshot | null
  unreachable: Message | null
}

export interface StateStore {
  get(): View
  subscribe(listener: () => void): () => void
  /** Subscribes to the agent; returns a function that unsubscribes. */
  start(): () => void
}

/**
 * The window's copy of the agent's state: a snapshot, then patches in the order of their revisions. After a gap, or a
 * patch that is newer than the requested snapshot, the snapshot is requested again.
 *
 * @param retryMs pause before the snapshot is requested again after a failure, in milliseconds
 */
export function createStateStore(bridge: Pick<Bridge, 'call' | 'on'>, retryMs = 1000): StateStore {
  let view: View = { snapshot: null, unreachable: null }
  const listeners = new Set<() => void>()

  const show = (next: View) => {
    view = next
    for (const listener of listeners) listener()
  }

  return {
    get: () => view,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    start: () => follow(bridge, retryMs, () => view, show),
  }
}

/** A subscription to the agent; answers that arrive after its end are dropped. */
function follow(
  bridge: Pick<Bridge, 'call' | 'on'>,
  retryMs: number,
  current: () => View,
  show: (view: View) => void,
): () => void {
  let over = false
  let asking = false
  /** The newest revision announced while a snapshot was being loaded. */
  let announcedRevision = -1
  let retry: ReturnType<typeof setTimeout> | undefined

  const ask = async () => {
    if (asking || over) return
    asking = true
    clearTimeout(retry)
    try {
      const answer = await bridge.call('snapshot', {})
      if (over) return
      const before = current().snapshot
      const state = before === null ? answer.state : shareUnchanged(before.state, answer.state)
      asking = false
      // The short pause prevents a busy loop if an answer is older than the agent's own patches.
      if (announcedRevision > answer.revision) retry = setTimeout(ask, Math.min(retryMs, 50))
      announcedRevision = -1
      show({ snapshot: { revision: answer.revision, state }, unreachable: null })
    } catch (error) {
      if (over) return
      asking = false
      retry = setTimeout(ask, retryMs)
      show({ ...current(), unreachable: sentenceOfThrown(error) })
    }
  }

  const take = (patch: StatePatch) => {
    const { snapshot } = current()
    if (snapshot === null || asking) {
      announcedRevision = Math.max(announcedRevision, patch.revision)
      void ask()
      return
    }
    const applied = applyPatch(snapshot, patch)
    if (applied.kind === 'applied') show({ snapshot: applied.snapshot, unreachable: null })
    if (applied.kind === 'gap') {
      announcedRevision = patch.revision
      void ask()
    }
  }

  const refresh = () => {
    // The snapshot that is being loaded may be older than the interruption.
    if (asking) announcedRevision = Number.POSITIVE_INFINITY
    void ask()
  }

  const unsubscribe = [bridge.on('patch', take), bridge.on('stale', refresh)]
  void ask()
  return () => {
    over = true
    clearTimeout(retry)
    for (const end of unsubscribe) end()
  }
}

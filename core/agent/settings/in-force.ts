import type { Settings } from '../../settings/schema.ts'
import type { SettingsStore } from '../../settings/store.ts'

/** The first pause before settings that could not be written are written again, and the longest, in milliseconds. */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 300_000

export interface SettingsInForce extends SettingsStore {
  /** What nobody is there to be refused for: it is in force at once, and the file follows when it can be written. */
  force(settings: Settings): Settings
  /**
   * Writes what was forced, if that is due. nothing: it is not, or is still refused; failed: it was refused for the
   * first time, for this reason.
   * @param steadyMs milliseconds of the steady clock.
   */
  write(steadyMs: number): { what: 'nothing' } | { what: 'written' } | { what: 'failed'; reason: unknown }
}

/** The settings of a store, and what is in force although the store's disk is full, or read-only. */
export function settingsInForce(store: SettingsStore): SettingsInForce {
  let forced: { settings: Settings; dueMs: number; pauseMs: number } | null = null

  const set = (settings: Settings) => {
    const written = store.set(settings)
    forced = null
    return written
  }

  return {
    file: store.file,
    notice: store.notice,
    get: () => forced?.settings ?? store.get(),
    set,
    tryWriting: store.tryWriting,
    force: (settings) => {
      forced = { settings, dueMs: Number.NEGATIVE_INFINITY, pauseMs: FIRST_PAUSE_MS }
      return settings
    },
    write: (steadyMs) => {
      if (forced === null || steadyMs < forced.dueMs) return { what: 'nothing' }
      const { settings, pauseMs } = forced
      try {
        set(settings)
        return { what: 'written' }
      } catch (reason) {
        forced = { settings, dueMs: steadyMs + pauseMs, pauseMs: Math.min(2 * pauseMs, LONGEST_PAUSE_MS) }
        return pauseMs === FIRST_PAUSE_MS ? { what: 'failed', reason } : { what: 'nothing' }
      }
    },
  }
}

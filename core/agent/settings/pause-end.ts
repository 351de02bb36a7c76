import type { Settings } from '../../settings/schema.ts'
import type { SettingsStore } from '../../settings/settings-store.ts'

/** Tolerance for changes of the clock during a pause. */
const CLOCK_SET_MS = 60_000

/**
 * True if a pause has ended. A pause that starts in the future, because the clock was set back, could last
 * indefinitely, so it counts as ended.
 */
function isOver({ since, until }: NonNullable<Settings['pause']>): boolean {
  const now = Date.now()
  return until !== null && (now >= until || now < since - CLOCK_SET_MS)
}

/**
 * Wraps a settings store so that it returns no expired pause, even if the file still has one. A pause thus ends even
 * if the disk refuses writes. The next change removes it from the file.
 */
export function settingsInForce(store: SettingsStore): SettingsStore {
  return {
    ...store,
    get() {
      const settings = store.get()
      return settings.pause !== null && isOver(settings.pause) ? { ...settings, pause: null } : settings
    },
  }
}

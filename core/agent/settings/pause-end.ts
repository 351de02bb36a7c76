import type { Settings } from '../../settings/schema.ts'
import type { SettingsStore } from '../../settings/settings-store.ts'

/** A clock may be set by so much while a pause is on. */
const CLOCK_SET_MS = 60_000

/** One that has not begun yet by a clock that was put back would last for nobody knows how long. */
function isOver({ since, until }: NonNullable<Settings['pause']>): boolean {
  const now = Date.now()
  return until !== null && (now >= until || now < since - CLOCK_SET_MS)
}

/**
 * The settings of a store, without a pause that has ended, whatever the file still says: the end of a pause does not
 * hang on a disk that takes it. The next change writes that it is over.
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

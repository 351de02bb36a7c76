import type { SettingsStore } from '../../settings/store.ts'

export interface SettingsInForce extends SettingsStore {
  /**
   * Whether a pause has ended since the last call. From then on `get` gives none, whatever the file still says: the end
   * of a pause does not hang on a disk that takes it.
   * @param wall milliseconds since 1970: so a pause ends while the computer sleeps.
   * @param steady milliseconds of the steady clock: so a clock that is put back does not make a pause longer.
   */
  endPause(wall: number, steady: number): boolean
}

/** The settings of a store; a pause for a time ends by itself, and the next change writes that it is over. */
export function settingsInForce(store: SettingsStore): SettingsInForce {
  /** The pause as it was first seen, and when it ends by the steady clock. */
  let seen: { until: number; ends: number; isOver: boolean } | null = null
  const get = () => {
    const settings = store.get()
    return seen?.isOver === true && settings.pause?.until === seen.until
      ? { ...settings, pause: null }
      : settings
  }
  return {
    ...store,
    get,
    endPause(wall, steady) {
      const { pause } = get()
      if (pause === null || pause.until === null) return false
      const { since, until } = pause
      // Never longer than it was asked for, also where the clock was put back while nothing ran.
      if (seen?.until !== until)
        seen = { until, ends: steady + Math.min(until - wall, until - since), isOver: false }
      seen.isOver = wall >= until || steady >= seen.ends
      return seen.isOver
    },
  }
}

import type { AppState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { hasNotifications } from '../channels/channel-words.ts'

export interface EndLine {
  key: WordKey
  names: string[]
  /** This part of the setup is complete. */
  isWell: boolean
}

/** Summarizes the first run, a sentence per part. @param startsAtLogin null if unknown. */
export function summarizeFirstRun(
  { host, settings, destinations }: AppState,
  startsAtLogin: boolean | null,
): EndLine[] {
  const { sources, checkedPaths, alerts } = settings
  const isNotified = hasNotifications({ host, settings })
  const line = (key: WordKey, names: string[], isWell: boolean): EndLine => ({ key, names, isWell })
  const protectedNames = sources.map(({ name }) => name)
  const checked = checkedPaths.map(({ path }) => path)
  const channels = alerts.channels.filter(({ enabled }) => enabled).map(({ name }) => name)
  const getNames = (some: typeof destinations) => some.map(({ name }) => name)
  const elsewhere = destinations.filter((one) => one.elsewhere)
  const copies =
    elsewhere.length > 0
      ? line('first.end.elsewhere', getNames(elsewhere), true)
      : settings.destinations.length > 0
        ? line('first.end.near', getNames(destinations), false)
        : line('first.end.here', [], false)
  return [
    ...(sources.length > 0 ? [line('first.end.protected', protectedNames, true)] : []),
    ...(checked.length > 0 ? [line('first.end.checked', checked, true)] : []),
    ...(sources.length + checked.length === 0 ? [line('first.end.nothing', [], false)] : []),
    ...(sources.length > 0 ? [copies] : []),
    ...(isNotified ? [line('first.end.native', [], true)] : []),
    ...(channels.length > 0 ? [line('first.end.channels', channels, true)] : []),
    ...(isNotified || channels.length > 0 ? [] : [line('first.end.nobody', [], false)]),
    ...(startsAtLogin === null
      ? []
      : [line(startsAtLogin ? 'first.end.login' : 'first.end.noLogin', [], startsAtLogin)]),
  ]
}

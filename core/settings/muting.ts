import type { Settings } from './schema.ts'

/** Mutes a path, and removes expired mutings. @param until milliseconds since 1970; null: until it is unmuted. */
export function withMuted(settings: Settings, id: string, until: number | null, now: number): Settings {
  const others = Object.entries(settings.alerts.muted).filter(([, end]) => end === null || end > now)
  return {
    ...settings,
    alerts: { ...settings.alerts, muted: { ...Object.fromEntries(others), [id]: until } },
  }
}

export function withoutMuted(settings: Settings, id: string): Settings {
  const { [id]: _, ...muted } = settings.alerts.muted
  return { ...settings, alerts: { ...settings.alerts, muted } }
}

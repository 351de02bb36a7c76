// Parses sizes and times as typed by users.

export const SIZE_UNITS = ['', 'K', 'M', 'G', 'T', 'P']

const SECONDS = { s: 1, m: 60, h: 3_600, d: 86_400 } as const

/** Parses "500G" to bytes; binary units. null: not a size. */
export function parseSize(text: string): number | null {
  const parts = /^(\d+(?:\.\d+)?)\s*([KMGTP]?)(?:i?B)?$/i.exec(text.trim())
  if (parts === null) return null
  const bytes = Number(parts[1]) * 1024 ** SIZE_UNITS.indexOf((parts[2] ?? '').toUpperCase())
  return Number.isSafeInteger(Math.round(bytes)) ? Math.round(bytes) : null
}

/** Parses "90s", "30m", "12h" or "7d" to seconds; a plain number is in seconds. null: not a time. */
export function parseSeconds(text: string): number | null {
  const parts = /^(\d+(?:\.\d+)?)\s*([smhd]?)$/i.exec(text.trim())
  if (parts === null) return null
  const unit = (parts[2] || 's').toLowerCase() as keyof typeof SECONDS
  const seconds = Number(parts[1]) * SECONDS[unit]
  return Number.isFinite(seconds) ? seconds : null
}

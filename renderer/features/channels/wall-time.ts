/** Normalizes a typed time of day to the form of the settings: "7:05" becomes "07:05"; null if invalid. */
export function parseWallTime(typed: string): string | null {
  const parts = /^(\d{1,2})[:：](\d{2})$/.exec(typed.trim())
  if (parts === null) return null
  const [, hours = '', minutes = ''] = parts
  return Number(hours) < 24 && Number(minutes) < 60 ? `${hours.padStart(2, '0')}:${minutes}` : null
}

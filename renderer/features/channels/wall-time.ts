/** A time of the clock on the wall as it is typed, as the settings have it: "7:05" is "07:05"; null: it is none. */
export function parseWallTime(typed: string): string | null {
  const parts = /^(\d{1,2})[:：](\d{2})$/.exec(typed.trim())
  if (parts === null) return null
  const [, hours = '', minutes = ''] = parts
  return Number(hours) < 24 && Number(minutes) < 60 ? `${hours.padStart(2, '0')}:${minutes}` : null
}

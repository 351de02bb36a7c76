/** Returns the minutes from `now` until 8:00 of the next day, rounded up, for "pause until tomorrow". */
export function minutesUntilTomorrow(now: Date): number {
  const morning = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 8)
  return Math.ceil((morning.getTime() - now.getTime()) / 60_000)
}

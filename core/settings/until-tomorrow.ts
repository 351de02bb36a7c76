/** Whole minutes from `now` until eight in the morning of the next day: what "pause until tomorrow" means. */
export function minutesUntilTomorrow(now: Date): number {
  const morning = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 8)
  return Math.ceil((morning.getTime() - now.getTime()) / 60_000)
}

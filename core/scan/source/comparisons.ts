import { throttled } from '../../pacing/throttled.ts'

/** Pause before a source is compared again because files could not be offered. */
const SOON_MS = 5_000

/** Has a source compared with the ledger: on its timetable, and soon after files could not be offered. */
export function openComparisons(compare: () => Promise<void>, everyMs: number) {
  const soon = throttled(SOON_MS, () => void compare())
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  const arm = () => {
    timer = setTimeout(async () => {
      await compare()
      if (!isStopped) arm()
    }, everyMs)
  }
  arm()
  return {
    /** Files were found and not offered: nobody else will find them again before the timetable's next comparison. */
    soon,
    stop() {
      isStopped = true
      clearTimeout(timer)
      soon.stop()
    },
  }
}

import { useNow } from '../state/now.ts'
import { useWords } from '../words/context.tsx'

interface Moment {
  /** Milliseconds since 1970. */
  at: number
}

function isoOf(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString()
}

/** Words for what is older than a minute change by the minute. */
const stepOf = (at: number) => (Date.now() - at < 60_000 ? 1_000 : 10_000)

/** "3 sec ago", kept up to date; the whole date on hover. */
export function Ago({ at }: Moment) {
  const { t, format } = useWords()
  const now = useNow(stepOf(at))
  const words =
    now - at < 2000
      ? t('window.time.now')
      : t('window.time.ago', { duration: format.roughDuration(now - at) })
  return (
    <time dateTime={isoOf(at)} title={format.fullMoment(at)}>
      {words}
    </time>
  )
}

/** "12 min", growing: how long something has lasted. */
export function Elapsed({ at }: Moment) {
  const { format } = useWords()
  const now = useNow()
  return <span title={format.fullMoment(at)}>{format.duration(now - at)}</span>
}

/** The time of day, with the date where it is not today's. */
export function At({ at }: Moment) {
  const { format } = useWords()
  const now = useNow(60_000)
  return (
    <time dateTime={isoOf(at)} title={format.fullMoment(at)}>
      {format.moment(at, now)}
    </time>
  )
}

import { useOfNow } from '../state/now.ts'
import { useWords } from '../words/context.tsx'

interface Moment {
  /** Milliseconds since 1970. */
  at: number
}

function toIso(at: number): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? '' : date.toISOString()
}

interface AgoProps extends Moment {
  /** Show "just now" for a minute, so that nothing ticks each second. */
  isRough?: boolean
}

/** Shows "3 sec ago", kept up to date; the full date on hover. */
export function Ago({ at, isRough = false }: AgoProps) {
  const { t, format } = useWords()
  const words = useOfNow((now) =>
    now - at < (isRough ? 60_000 : 2_000)
      ? t('window.time.now')
      : t('window.time.ago', { duration: format.roughDuration(now - at) }),
  )
  return (
    <time dateTime={toIso(at)} title={format.fullMoment(at)}>
      {words}
    </time>
  )
}

/** Shows "12 min", growing: how long something has lasted. */
export function Elapsed({ at }: Moment) {
  const { format } = useWords()
  const words = useOfNow((now) => format.duration(now - at))
  return <span title={format.fullMoment(at)}>{words}</span>
}

/** Shows "since 12:58", with the date unless it is today. */
export function Since({ at }: Moment) {
  const { t, format } = useWords()
  const words = useOfNow((now) => t('window.time.since', { moment: format.moment(at, now) }))
  return (
    <time dateTime={toIso(at)} title={format.fullMoment(at)}>
      {words}
    </time>
  )
}

interface AtProps extends Moment {
  /** Show seconds, too. */
  isExact?: boolean
}

/** Shows the time of day, with the date unless it is today. */
export function At({ at, isExact = false }: AtProps) {
  const { format } = useWords()
  const words = useOfNow((now) => (isExact ? format.exactMoment(at, now) : format.moment(at, now)))
  return (
    <time dateTime={toIso(at)} title={format.fullMoment(at)}>
      {words}
    </time>
  )
}

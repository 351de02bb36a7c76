import type { SpeedSchedule } from '../../../core/send/rate-limit/schedule.ts'
import { useWords, type Words } from '../../words/context.tsx'
import { weekdays } from './limit-form.ts'
import { clockText, daySpans, type Span } from './week.ts'

const HOURS = [0, 6, 12, 18, 24]
/** Minutes; a narrower segment has no room for a label. */
const ROOM_FOR_WORDS = 5 * 60

/** Shows the allowance over the week, a bar per day; the rules below it can be edited. */
export function WeekPart({ timetable }: { timetable: SpeedSchedule }) {
  const words = useWords()
  const { t, language } = words
  return (
    <figure className="week" aria-label={t('settings.week.title')}>
      <ul>
        {weekdays(language).map(({ value, label }) => {
          const spans = daySpans(timetable, Number(value))
          const said = spans.map((span) => spanText(span, words)).join(t('window.list.separator'))
          return (
            <li key={value}>
              <span aria-hidden="true">{label}</span>
              <span className="week-day" role="img" aria-label={`${label}: ${said}`}>
                {spans.map((span) => (
                  <span
                    key={span.from}
                    data-allow={span.allowance.kind}
                    style={{ flexGrow: span.to - span.from }}
                    title={spanText(span, words)}
                  >
                    {span.to - span.from >= ROOM_FOR_WORDS && shortText(span, words)}
                  </span>
                ))}
              </span>
            </li>
          )
        })}
      </ul>
      <div className="week-hours figures" aria-hidden="true">
        {HOURS.map((hour) => (
          <span key={hour}>{hour}</span>
        ))}
      </div>
    </figure>
  )
}

function shortText({ allowance }: Span, { t, format }: Words): string {
  return allowance.kind === 'limit'
    ? format.rate(allowance.bytesPerSecond)
    : t(`window.limit.allow.${allowance.kind}`)
}

function spanText(span: Span, words: Words): string {
  const times = { from: clockText(span.from), to: clockText(span.to) }
  return `${words.t('window.limit.between', times)} ${shortText(span, words)}`
}

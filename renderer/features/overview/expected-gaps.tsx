import type { SourceState } from '../../../core/agent/state/schema.ts'
import { useAnswer } from '../../state/answer.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useNow } from '../../state/now.ts'
import { useWords } from '../../words/context.tsx'

const DAY_MS = 86_400_000
const SHOWN_DAYS = 30
/** Files that are listed, the newest first. */
const MOST_SHOWN = 50
const REFRESH_MS = 10_000

/** Lists the expected files of the last 30 days that are missing or came late; nothing if there are none. */
export function ExpectedGaps({ source: { settings, scanned } }: { source: SourceState }) {
  const { t, say, format } = useWords()
  const bridge = useBridge()
  const now = useNow()
  const { id, expected } = settings
  const { value, failure } = useAnswer({
    question: JSON.stringify([id, expected]),
    ask: () => {
      const until = Date.now()
      return bridge.call('expected', { id, since: until - SHOWN_DAYS * DAY_MS, until, gaps: true })
    },
    version: JSON.stringify(scanned?.expected ?? []),
    refreshMs: REFRESH_MS,
  })
  const gaps = value?.files ?? []
  const { due, missing, late } = value?.counts ?? { due: 0, missing: 0, late: 0 }
  if (failure === null && missing + late === 0) return null
  return (
    <section className="card rows" aria-label={t('window.expected.title')}>
      <h3>{t('window.expected.title')}</h3>
      {failure !== null && <p className="card-problem">{say(failure)}</p>}
      {value !== null && (
        <p className="dimmed">{t('window.expected.month', { count: due, missing, late })}</p>
      )}
      {gaps.slice(0, MOST_SHOWN).map(({ pattern, start, due: dueAt, path, arrivedAt, tooSmall }) => (
        <div key={`${pattern} ${start}`} className="row spread">
          <span className="row-words">
            <span className="breakable">{path}</span>
            <span className="dimmed">{t('window.expected.due', { at: format.moment(dueAt, now) })}</span>
          </span>
          <span className={arrivedAt === null ? 'warn' : 'dimmed'}>
            {arrivedAt !== null
              ? t('window.expected.late', { late: format.roughDuration(arrivedAt - dueAt) })
              : tooSmall === null
                ? t('window.expected.missing')
                : t('window.expected.tooSmall', { size: tooSmall })}
          </span>
        </div>
      ))}
      {missing + late > MOST_SHOWN && (
        <p className="dimmed">{t('window.expected.more', { count: missing + late - MOST_SHOWN })}</p>
      )}
    </section>
  )
}

import { memo } from 'react'
import type { Incident } from '../../../core/agent/state/schema.ts'
import { PathText } from '../../ui/path-text.tsx'
import { At, Elapsed } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'

/** More than this of one disk's paths say nothing more. */
const mostPaths = 5

/** One failure: since when and how long, what it says, and which paths it is about. */
export const IncidentRow = memo(function IncidentRow({ incident }: { incident: Incident }) {
  const { t, say, format } = useWords()
  const { startedAt, endedAt, paths, sentence } = incident
  const lasts = endedAt === null
  const more = paths.length - mostPaths
  return (
    <article className="incident" data-lasts={lasts || undefined}>
      <HealthMark level={lasts ? 'failing' : 'ok'} />
      <div className="row-words">
        <p className="breakable">{say(sentence)}</p>
        {paths.slice(0, mostPaths).map((path) => (
          <PathText key={path} path={path} />
        ))}
        {more > 0 && <p className="dimmed">{t('window.alerts.morePaths', { count: more })}</p>}
        <p className="dimmed figures">
          {lasts ? (
            <>
              {t('window.alerts.since')} <At at={startedAt} /> · <Elapsed at={startedAt} />
            </>
          ) : (
            <>
              <At at={startedAt} /> ·{' '}
              {t('window.alerts.lasted', { duration: format.duration(endedAt - startedAt) })}
            </>
          )}
        </p>
      </div>
    </article>
  )
})

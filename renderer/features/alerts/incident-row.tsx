import { memo, type ReactNode } from 'react'
import { PathText } from '../../ui/path-text.tsx'
import { At, Elapsed } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import { type Incident, isAboutPaths, levelOf, severityOf, subjectsOf, titleOf } from './incidents.ts'

/** More than this of one disk's paths say nothing more. */
const mostSubjects = 5

interface IncidentRowProps {
  incident: Incident
  /** Somebody has asked to see this one. */
  isMarked?: boolean
  /** What can be done about it. */
  children?: ReactNode
}

/** One failure: what it is, since when and how long, what it says, and what it is about. */
export const IncidentRow = memo(function IncidentRow({ incident, isMarked, children }: IncidentRowProps) {
  const words = useWords()
  const { t, say, format } = words
  const { id, kind, startedAt, endedAt, sentence } = incident
  const lasts = endedAt === null
  const title = titleOf(incident, words)
  return (
    <article
      className="incident"
      aria-label={title}
      data-incident={id}
      data-lasts={lasts || undefined}
      data-marked={isMarked || undefined}
    >
      <HealthMark level={levelOf(incident)} />
      <div className="row-words">
        <p className="breakable selectable">{title}</p>
        <p className="breakable selectable">{say(sentence)}</p>
        <Subjects incident={incident} />
        <p className="dimmed">
          {t(`window.severity.${severityOf(kind)}`)} ·{' '}
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
        {children}
      </div>
    </article>
  )
})

/** Each of several; one alone is in the title. */
export function Subjects({ incident }: { incident: Incident }) {
  const { t } = useWords()
  const subjects = subjectsOf(incident)
  if (subjects.length < 2) return null
  const more = subjects.length - mostSubjects
  return (
    <>
      {subjects.slice(0, mostSubjects).map((subject) =>
        isAboutPaths(incident) ? (
          <PathText key={subject} path={subject} />
        ) : (
          <p key={subject} className="dimmed breakable">
            {subject}
          </p>
        ),
      )}
      {more > 0 && <p className="dimmed">{t('window.alerts.more', { count: more })}</p>}
    </>
  )
}

import { VisuallyHidden } from '@mantine/core'
import { memo, type ReactNode } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { PathText } from '../../ui/path-text.tsx'
import { Elapsed } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import { Cause } from './evidence-part.tsx'
import { formatTitle, getLevel, getSeverity, getSubjects, type Incident, isAboutPaths } from './incidents.ts'
import { RemedyCommands } from './remedy.tsx'

/** At most this many subjects are listed: more paths of the same disk add no information. */
const mostSubjects = 5

interface IncidentRowProps {
  incident: Incident
  settings: AppState['settings']
  /** The page was opened to show this incident. */
  isMarked?: boolean
  /** Show the sentence; false if the page shows it elsewhere. */
  hasMore?: boolean
  /** The menu of its actions. */
  menu?: ReactNode
  /** Its next step. */
  children?: ReactNode
}

/** Shows an incident: place, kind and duration in a line; unless resolved, also the facts and the next step. */
export const IncidentRow = memo(function IncidentRow(props: IncidentRowProps) {
  const { incident, settings, isMarked, hasMore = true, menu, children } = props
  const words = useWords()
  const { t, say, format } = words
  const { id, kind, startedAt, endedAt, sentence } = incident
  const title = formatTitle(incident, words, settings)
  return (
    <article
      className="incident"
      aria-label={title}
      data-incident={id}
      data-lasts={endedAt === null || undefined}
      data-marked={isMarked || undefined}
    >
      <HealthMark level={getLevel(incident)} />
      <div className="row-words">
        <div className="incident-head">
          <p className="incident-title breakable selectable">
            <VisuallyHidden>{t(`window.severity.${getSeverity(kind)}`)} </VisuallyHidden>
            {title}
          </p>
          <span className="incident-figure figures dimmed">
            {endedAt === null ? <Elapsed at={startedAt} /> : format.duration(endedAt - startedAt)}
          </span>
          {menu}
        </div>
        {endedAt === null && (
          <>
            <Subjects incident={incident} />
            {hasMore && (
              <>
                <p className="breakable selectable">{say(sentence)}</p>
                <Cause incident={incident} />
                <RemedyCommands sentence={sentence} />
              </>
            )}
          </>
        )}
        {children}
      </div>
    </article>
  )
})

/** Lists several subjects of an incident: paths, which can be copied, or names. */
export function Subjects({ incident }: { incident: Incident }) {
  const { t } = useWords()
  const subjects = getSubjects(incident)
  // The sentence names a single one.
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

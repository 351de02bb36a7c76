import { VisuallyHidden } from '@mantine/core'
import type { ReactNode } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { describeEnd } from '../../../core/alerts/kinds.ts'
import { MiddleText } from '../../ui/middle-text.tsx'
import { PathText } from '../../ui/path-text.tsx'
import { ThingRow } from '../../ui/thing-row.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import { LinkChoice } from '../overview/link-part.tsx'
import { Cause } from './evidence-part.tsx'
import {
  formatPlace,
  formatTitle,
  getLevel,
  getSeverity,
  getSubjects,
  type Incident,
  isAboutPaths,
} from './incidents.ts'
import { RemedyCommands } from './remedy.tsx'

/** At most this many subjects are listed: more paths of the same disk add no information. */
const mostSubjects = 5

interface IncidentRowProps {
  incident: Incident
  settings: AppState['settings']
  figure: ReactNode
  menu?: ReactNode
  /** The page was opened to show this incident. */
  isMarked: boolean
  /** Opens the details by themselves. */
  opens: boolean | object
  /** The rest of the details. */
  children: ReactNode
}

/** Shows an incident in a line: place, kind and figure. Its details begin with the sentence and the cause. */
export function IncidentRow({ incident, settings, isMarked, children, ...line }: IncidentRowProps) {
  const words = useWords()
  const { t, say } = words
  const { id, kind, endedAt, sentence } = incident
  const lasts = endedAt === null
  const end = lasts ? null : describeEnd(incident)
  const level = getLevel(incident)
  const place = formatPlace(incident, words, settings)
  return (
    <ThingRow
      {...line}
      aria-label={formatTitle(incident, words, settings)}
      data-incident={id}
      data-marked={isMarked || undefined}
      name={place}
      shownName={<MiddleText text={place} />}
      mark={
        <>
          {lasts && <VisuallyHidden>{t(`window.severity.${getSeverity(kind)}`)} </VisuallyHidden>}
          <HealthMark level={level} />
        </>
      }
      level={level}
      clause={t(`kind.${kind}`)}
      clauseTitle={say(end ?? sentence)}
    >
      {end !== null && <p className="breakable selectable">{say(end)}</p>}
      <p className="breakable selectable">
        {lasts ? say(sentence) : t('window.timeline.atFirst', { text: say(sentence) })}
      </p>
      <Cause incident={incident} />
      <Subjects incident={incident} />
      {lasts && (
        <>
          <RemedyCommands sentence={sentence} />
          <LinkActions incident={incident} />
        </>
      )}
      {children}
    </ThingRow>
  )
}

/** Shows the choice between the two places of a link that leads elsewhere now; nothing for other incidents. */
function LinkActions({ incident: { paths, sentence } }: { incident: Incident }) {
  if (!sentence.key.startsWith('condition.link')) return null
  const id = (Object.keys(paths)[0] ?? '').replace(/^link:/, '')
  const { now, path } = sentence.params
  return <LinkChoice id={id} path={String(path)} now={now === undefined ? null : String(now)} />
}

/** Lists several subjects of an incident: paths, which can be copied, or names. */
function Subjects({ incident }: { incident: Incident }) {
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

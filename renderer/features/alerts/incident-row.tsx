import { memo, type ReactNode } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { PathText } from '../../ui/path-text.tsx'
import { At, Elapsed } from '../../ui/times.tsx'
import { WhatToDo } from '../../ui/what-to-do.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import { type Incident, isAboutPaths, levelOf, severityOf, subjectsOf, titleOf } from './incidents.ts'

/** More than this of one disk's paths say nothing more. */
const mostSubjects = 5

interface IncidentRowProps {
  incident: Incident
  settings: AppState['settings']
  /** Somebody has asked to see this one. */
  isMarked?: boolean
  /** Its sentence is here, behind a press; else the page has it elsewhere. */
  hasMore?: boolean
  /** What can be done about it. */
  children?: ReactNode
}

/** One failure: where, what and how long in a line, the facts, and one next step. One that is over is the line alone. */
export const IncidentRow = memo(function IncidentRow(props: IncidentRowProps) {
  const { incident, settings, isMarked, hasMore = true, children } = props
  const words = useWords()
  const { t, say, format } = words
  const { id, kind, startedAt, endedAt, sentence } = incident
  const title = titleOf(incident, words, settings)
  return (
    <article
      className="incident"
      aria-label={title}
      data-incident={id}
      data-lasts={endedAt === null || undefined}
      data-marked={isMarked || undefined}
    >
      <HealthMark level={levelOf(incident)} />
      <div className="row-words">
        <p className="incident-title selectable">
          <span className="breakable">{title}</span>
          {' · '}
          {endedAt === null ? <Elapsed at={startedAt} /> : format.duration(endedAt - startedAt)}
        </p>
        {endedAt === null && (
          <>
            <p className="dimmed">
              {t(`window.severity.${severityOf(kind)}`)} · {t('window.alerts.since')} <At at={startedAt} />
            </p>
            <Subjects incident={incident} />
            {hasMore && (
              <WhatToDo>
                <p className="breakable selectable">{say(sentence)}</p>
              </WhatToDo>
            )}
          </>
        )}
        {children}
      </div>
    </article>
  )
})

/** What it is about: each path, which can be copied, or name. */
export function Subjects({ incident }: { incident: Incident }) {
  const { t } = useWords()
  const subjects = subjectsOf(incident)
  if (subjects.length < 2 && !isAboutPaths(incident)) return null
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

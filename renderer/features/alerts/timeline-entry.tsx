import { UnstyledButton } from '@mantine/core'
import { useEffect, useId, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { describeEnd, isDiskKind } from '../../../core/alerts/kinds.ts'
import { useNow } from '../../state/now.ts'
import type { TimelineEntry } from '../../state/timeline.ts'
import { IconChevronDown, IconChevronRight } from '../../ui/icons.ts'
import { MiddleText } from '../../ui/middle-text.tsx'
import { At, Since } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { HealthMark } from '../overview/health-line.tsx'
import { DeliveryList } from './delivery-list.tsx'
import { Cause, EvidencePart } from './evidence-part.tsx'
import { LinkActions } from './incident-actions.tsx'
import { Subjects } from './incident-row.tsx'
import { formatTitle, getLevel, getSeverity, type Incident } from './incidents.ts'
import { RemedyCommands } from './remedy.tsx'

interface TimelineRowProps {
  incident: Incident
  /** null if not known yet. */
  deliveries: TimelineEntry['deliveries'] | null
  settings: AppState['settings']
  isMarked: boolean
}

/** Shows an incident of the timeline as a line that expands to all of its details. */
export function TimelineRow({ incident, deliveries, settings, isMarked }: TimelineRowProps) {
  const words = useWords()
  const { t, say, format } = words
  const [opened, setOpened] = useState(isMarked)
  useEffect(() => {
    if (isMarked) setOpened(true)
  }, [isMarked])
  const id = useId()
  const { startedAt, endedAt } = incident
  const end = endedAt === null ? null : describeEnd(incident)
  return (
    <li className="timeline-row" data-incident={incident.id} data-marked={isMarked || undefined}>
      <UnstyledButton
        className="timeline-open"
        aria-expanded={opened}
        aria-controls={id}
        onClick={() => setOpened(!opened)}
      >
        <HealthMark level={getLevel(incident)} />
        <MiddleText text={formatTitle(incident, words, settings)} className="timeline-title" />
        <span className="dimmed figures">
          {endedAt === null ? (
            <Since at={startedAt} />
          ) : (
            <>
              {format.duration(endedAt - startedAt)} · <At at={startedAt} />
            </>
          )}
        </span>
        {opened ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
      </UnstyledButton>
      <div id={id} hidden={!opened} className="timeline-more">
        {opened && (
          <>
            {end !== null && <p className="breakable selectable">{say(end)}</p>}
            <p className="breakable selectable">
              {endedAt === null
                ? say(incident.sentence)
                : t('window.timeline.atFirst', { text: say(incident.sentence) })}
            </p>
            <Cause incident={incident} />
            {endedAt === null && (
              <>
                <RemedyCommands sentence={incident.sentence} />
                <LinkActions incident={incident} />
              </>
            )}
            <Subjects incident={incident} />
            <Facts incident={incident} />
            {isDiskKind(incident.kind) && <EvidencePart incident={incident} />}
            {deliveries !== null && <DeliveryList incident={incident} deliveries={deliveries} />}
          </>
        )}
      </div>
    </li>
  )
}

/** Shows when it began, was noticed and ended, and who acknowledged it. */
function Facts({
  incident: { kind, startedAt, noticedAt, endedAt, acknowledged, snoozedUntil },
}: {
  incident: Incident
}) {
  const { t, format } = useWords()
  const now = useNow()
  const time = (at: number) => format.exactMoment(at, now)
  const facts = [
    { label: t('window.timeline.severity'), value: t(`window.severity.${getSeverity(kind)}`) },
    { label: t('window.timeline.began'), value: time(startedAt) },
    { label: t('window.timeline.noticed'), value: time(noticedAt) },
    ...(acknowledged === null
      ? []
      : [
          {
            label: t('window.timeline.seen'),
            value: t('window.timeline.seenBy', { time: time(acknowledged.at), by: acknowledged.by }),
          },
        ]),
    ...(snoozedUntil === null || snoozedUntil <= now || endedAt !== null
      ? []
      : [{ label: t('window.timeline.snoozed'), value: time(snoozedUntil) }]),
    ...(endedAt === null
      ? []
      : [
          {
            label: t('window.timeline.over'),
            value: `${time(endedAt)} · ${t('window.alerts.lasted', { duration: format.duration(endedAt - startedAt) })}`,
          },
        ]),
  ]
  return (
    <dl className="facts">
      {facts.map(({ label, value }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

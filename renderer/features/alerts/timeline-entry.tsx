import type { AppState } from '../../../core/agent/state/schema.ts'
import { isDiskKind } from '../../../core/alerts/kinds.ts'
import { useNow } from '../../state/now.ts'
import type { TimelineEntry } from '../../state/timeline.ts'
import { At, Since } from '../../ui/times.tsx'
import { useWords } from '../../words/context.tsx'
import { DeliveryList } from './delivery-list.tsx'
import { EvidencePart } from './evidence-part.tsx'
import { IncidentRow } from './incident-row.tsx'
import { getSeverity, type Incident } from './incidents.ts'

interface TimelineRowProps {
  incident: Incident
  /** null if not known yet. */
  deliveries: TimelineEntry['deliveries'] | null
  settings: AppState['settings']
  isMarked: boolean
}

/** Shows an incident of the timeline in a line that opens all of its details. */
export function TimelineRow({ incident, deliveries, settings, isMarked }: TimelineRowProps) {
  const { format } = useWords()
  const { kind, startedAt, endedAt } = incident
  return (
    <IncidentRow
      incident={incident}
      settings={settings}
      figure={
        endedAt === null ? (
          <Since at={startedAt} />
        ) : (
          <>
            {format.duration(endedAt - startedAt)} · <At at={startedAt} />
          </>
        )
      }
      isMarked={isMarked}
      opens={isMarked}
    >
      <Facts incident={incident} />
      {isDiskKind(kind) && <EvidencePart incident={incident} />}
      {deliveries !== null && <DeliveryList incident={incident} deliveries={deliveries} />}
    </IncidentRow>
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

import { Button, NativeSelect, SegmentedControl } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useEffect, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useKeptText } from '../../state/kept-text.ts'
import { type TimelineFilter, useTimeline } from '../../state/timeline.ts'
import { Empty } from '../../ui/empty.tsx'
import { IconBell } from '../../ui/icons.ts'
import { RovingList } from '../../ui/roving-list.tsx'
import { SearchField } from '../../ui/search-field.tsx'
import { useWords } from '../../words/context.tsx'
import { hasNotifications } from '../channels/channel-words.ts'
import { TimelineRow } from './timeline-entry.tsx'

/** Delay after a keystroke before the timeline is queried, in milliseconds. */
const typingMs = 300
/** At most this many entries are loaded to find the requested incident. */
const mostLookedThrough = 200

const severities = ['all', 'critical', 'warning'] as const
const ALL = ''

interface TimelinePartProps {
  state: AppState
  /** The incident to scroll to; null if none. */
  marked: string | null
}

/** Shows the timeline, newest first, page by page; filtered by severity, source and text. */
export function TimelinePart({ state, marked }: TimelinePartProps) {
  const { t } = useWords()
  const [severity, setSeverity] = useState<TimelineFilter['severity']>(null)
  const [source, setSource] = useState<string | null>(null)
  const [typed, setTyped] = useKeptText('timeline')
  const [text] = useDebouncedValue(typed.trim(), typingMs)
  const { sources } = state.settings
  const known = sources.some(({ id }) => id === source) ? source : null
  const filter = { severity, source: known, text }
  const isFiltered = severity !== null || known !== null || text !== ''

  // Reset the filters: they might exclude the requested incident.
  useEffect(() => {
    if (marked === null) return
    setSeverity(null)
    setSource(null)
    setTyped('')
  }, [marked, setTyped])

  return (
    <section className="card rows" aria-label={t('window.timeline.title')}>
      <h2>{t('window.timeline.title')}</h2>
      {(state.incidents.length > 0 || isFiltered) && (
        <div className="timeline-filter">
          <SegmentedControl
            fullWidth
            size="xs"
            aria-label={t('window.timeline.severity')}
            value={severity ?? 'all'}
            onChange={(value) => setSeverity(value === 'critical' || value === 'warning' ? value : null)}
            data={severities.map((value) => ({ value, label: t(`window.severity.${value}`) }))}
          />
          <div className="timeline-narrow">
            {sources.length > 1 && (
              <NativeSelect
                size="xs"
                aria-label={t('window.timeline.source')}
                value={known ?? ALL}
                onChange={({ currentTarget: { value } }) => setSource(value === ALL ? null : value)}
                data={[
                  { value: ALL, label: t('window.timeline.allSources') },
                  ...sources.map(({ id, name }) => ({ value: id, label: name })),
                ]}
              />
            )}
            <SearchField label="window.timeline.text" text={typed} onText={setTyped} />
          </div>
        </div>
      )}
      <TimelineList state={state} filter={filter} isFiltered={isFiltered} marked={marked} />
    </section>
  )
}

interface TimelineListProps extends TimelinePartProps {
  filter: TimelineFilter
  isFiltered: boolean
}

function TimelineList({ state, filter, isFiltered, marked }: TimelineListProps) {
  const { t, say } = useWords()
  const { entries, failure, older } = useTimeline(filter, computeVersion(state))
  const isMissing =
    marked !== null && entries !== null && !entries.some(({ incident }) => incident.id === marked)

  useEffect(() => {
    if (isMissing && entries.length < mostLookedThrough) older?.()
  }, [isMissing, entries, older])

  // Before the first response the incidents of the state are shown.
  const shown = entries ?? state.incidents.map((incident) => ({ incident, deliveries: null }))
  return (
    <>
      {failure !== null && (
        <p className="card-problem breakable">{t('window.timeline.failure', { reason: say(failure) })}</p>
      )}
      {shown.length === 0 && isFiltered && <p className="dimmed">{t('window.timeline.nothingFits')}</p>}
      {shown.length === 0 && !isFiltered && (
        <Empty icon={<IconBell size={30} stroke={1.5} />} title={t('window.alerts.emptyTitle')}>
          {t(isHeard(state) ? 'window.alerts.empty' : 'window.alerts.emptySilent')}
        </Empty>
      )}
      <RovingList className="things timeline" entry="article">
        {shown.map(({ incident, deliveries }) => (
          <TimelineRow
            key={incident.id}
            incident={incident}
            deliveries={deliveries}
            settings={state.settings}
            isMarked={incident.id === marked}
          />
        ))}
      </RovingList>
      {older !== null && (
        <Button size="xs" variant="default" onClick={older}>
          {t('window.timeline.older')}
        </Button>
      )}
    </>
  )
}

/** True if a failure would be reported by at least one channel. */
function isHeard(state: AppState): boolean {
  return hasNotifications(state) || state.settings.alerts.channels.some(({ enabled }) => enabled)
}

/** Changes whenever an incident or a delivery changes. */
function computeVersion({ incidents, channels }: AppState): string {
  const happened = incidents.map(({ id, endedAt, acknowledged, snoozedUntil, repeats, paths }) => {
    return [id, endedAt, acknowledged?.at, snoozedUntil, repeats, Object.keys(paths).length]
  })
  return JSON.stringify([happened, channels.map(({ at, waiting }) => [at, waiting])])
}

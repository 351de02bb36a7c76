import { Button } from '@mantine/core'
import { useEffect, useRef } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useNow } from '../../state/now.ts'
import { IconChevronRight } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { type IncidentPlace, useOpenPage } from '../frame/pages.ts'
import { MuteEverything, OngoingRows } from './incident-actions.tsx'
import { findMuted, isDismissible, listOngoing } from './incidents.ts'
import { MutedPart } from './muted-part.tsx'
import { Notices } from './notices.tsx'
import { TimelinePart } from './timeline-part.tsx'

interface AlertsPageProps {
  state: AppState
  /** The incident to scroll to. */
  place?: IncidentPlace | null
}

/** Shows ongoing incidents with their actions, muted paths, and the timeline. */
export default function AlertsPage({ state, place = null }: AlertsPageProps) {
  const words = useWords()
  const { t } = words
  const now = useNow()
  const openPage = useOpenPage()
  const page = useRef<HTMLDivElement>(null)
  const { incidents, settings } = state
  // Notices are shown above, with the button that dismisses them.
  const lasting = listOngoing(incidents).filter((one) => !isDismissible(one))
  useComeTo(page, place)
  return (
    <div className="stack" ref={page}>
      <Notices notices={state.notices} />
      {lasting.length > 0 && (
        <section className="card rows" aria-label={t('window.alerts.now')}>
          <h2>{t('window.alerts.now')}</h2>
          <OngoingRows incidents={lasting} state={state} marked={place} />
        </section>
      )}
      <MutedPart state={state} />
      <TimelinePart
        state={state}
        marked={lasting.some(({ id }) => id === place?.id) ? null : (place?.id ?? null)}
      />
      <div className="row spread">
        <Button
          variant="subtle"
          size="compact-sm"
          color="gray"
          rightSection={<IconChevronRight size={14} />}
          onClick={() => openPage('settings', { kind: 'setting', id: 'channels' })}
        >
          {t('window.alerts.channels')}
        </Button>
        {findMuted([], settings, now, words).length === 0 && <MuteEverything />}
      </div>
    </div>
  )
}

/** Scrolls the requested place into view after it is rendered, once per request. */
function useComeTo(page: React.RefObject<HTMLDivElement | null>, place: IncidentPlace | null): void {
  const done = useRef<IncidentPlace | null>(null)
  useEffect(() => {
    const root = page.current
    if (place === null || root === null || done.current === place) return
    const come = () => {
      const wanted = root.querySelector(`[data-incident="${CSS.escape(place.id)}"]`)
      if (wanted === null) return false
      wanted.scrollIntoView({ block: 'center' })
      done.current = place
      return true
    }
    if (come()) return
    // The timeline page that contains it may still be loading.
    const observer = new MutationObserver(() => {
      if (come()) observer.disconnect()
    })
    observer.observe(root, { childList: true, subtree: true })
    return () => observer.disconnect()
  }, [page, place])
}

import { useEffect, useRef, useState } from 'react'
import type { AppState } from '../../core/agent/state/schema.ts'
import { describeEnd, getSubjects } from '../../core/alerts/kinds.ts'
import { ignoreError } from '../../core/dropped-errors.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { useView } from '../state/bridge.tsx'
import { showNotification, useBrowserNotifications } from '../state/browser-notifications.ts'
import { useWords, type Words } from '../words/context.tsx'

type Incident = AppState['incidents'][number]

/** The tab that has this lock shows the notifications of all. */
const LOCK = 'holdfast-notifications'

interface IncidentNotificationsProps {
  computer: string
  /** Shows an incident on the Alerts page. */
  onOpen: (incident: string) => void
}

/** Notifies of the beginnings and ends of incidents through the browser, where a person has switched it on. */
export function IncidentNotifications({ computer, onOpen }: IncidentNotificationsProps) {
  const words = useWords()
  const { isOn } = useBrowserNotifications()
  const isFirst = useIsFirst(isOn)
  const incidents = useView().snapshot?.state.incidents ?? null
  /** The last incidents; null: none were received yet. Every tab follows them, as any may become the first. */
  const before = useRef<readonly Incident[] | null>(null)
  useEffect(() => {
    if (incidents === null) return
    const news = before.current === null || !isFirst ? [] : findNews(before.current, incidents)
    before.current = incidents
    for (const one of news) {
      const onClick = () => onOpen(one.id)
      showNotification({ tag: one.id, ...describeIncident(one, computer, words), onClick })
    }
  }, [incidents, isFirst, computer, words, onOpen])
  return null
}

/** True in one of the tabs that are open in this browser. */
function useIsFirst(isOn: boolean): boolean {
  const [isFirst, setFirst] = useState(false)
  useEffect(() => {
    if (!isOn) return
    const ended = new AbortController()
    const keep = () =>
      new Promise<void>((resolve) => {
        setFirst(true)
        ended.signal.addEventListener('abort', () => resolve())
      })
    navigator.locks
      .request(LOCK, { signal: ended.signal }, keep)
      .catch(ignoreError('a tab that closes no longer waits for the lock'))
    return () => {
      ended.abort()
      setFirst(false)
    }
  }, [isOn])
  return isFirst
}

/** Returns the incidents that were announced since then, and those of which the announced failure has ended. */
export function findNews(before: readonly Incident[], now: readonly Incident[]): Incident[] {
  const known = new Map(before.filter(isAnnounced).map(({ id, endedAt }) => [id, endedAt]))
  return now.filter((one) => {
    if (!isAnnounced(one)) return false
    return one.endedAt === null ? !known.has(one.id) : known.get(one.id) === null
  })
}

/** As on every channel: not before the failure has lasted long enough, and not while it is muted or flaps. */
const isAnnounced = ({ told, isSilent }: Incident): boolean => told && !isSilent

function describeIncident(incident: Incident, computer: string, { t, say }: Words) {
  const { kind, sentence, startedAt: since, endedAt } = incident
  const [first = incident.group, ...others] = getSubjects(incident)
  const place = others.length > 0 ? t('notify.others', { path: first, count: others.length }) : first
  const kindText = t(`kind.${kind}`)
  const title =
    endedAt === null
      ? t('notify.failed', { kind: kindText, where: place })
      : t('page.notify.ended', { where: place })
  const lasted = Math.max(0, (endedAt ?? since) - since)
  const end = describeEnd(incident) ?? message('notify.recoveredBody', { kind: kindText, lasted, since })
  return { title, body: `${say(endedAt === null ? sentence : end)}\n${computer}` }
}

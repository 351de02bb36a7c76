import { Tooltip } from '@mantine/core'
import type { SourceState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'
import type { HealthLevel } from './describe.ts'
import { useHealth } from './use-health.ts'

interface HealthLineProps {
  checked: SourceState['checked']
  intervalSeconds: number
  /** Show the last delay. It changes with each check, so only the details have it. */
  hasDelay?: boolean
  /** The level of the path's gravest failure; omitted: only its check counts. */
  failing?: HealthLevel | undefined
}

/** Shows the health as a shape and a word. */
export function HealthLine({ checked, intervalSeconds, hasDelay = false, failing }: HealthLineProps) {
  const { t, format } = useWords()
  const health = useHealth(checked, intervalSeconds)
  const level = health.level === 'failing' ? health.level : (failing ?? health.level)
  const delay = checked?.delayMs ?? null
  const checkedAt =
    checked === null ? null : t('window.health.checkedAt', { time: format.fullMoment(checked.at) })
  return (
    <span className="health" data-level={level} title={checkedAt ?? undefined}>
      <HealthMark level={level} />
      <span className="health-word">{t(health.word)}</span>
      {hasDelay && delay !== null && (
        <Tooltip label={t('window.health.delayHint')}>
          <span className="figures dimmed">{format.delay(delay)}</span>
        </Tooltip>
      )}
    </span>
  )
}

/** Draws a filled disc, a triangle, an octagon or a dotted ring. */
export function HealthMark({ level }: { level: HealthLevel }) {
  return (
    <svg
      className="health-mark"
      data-level={level}
      width="12"
      height="12"
      viewBox="0 0 12 12"
      aria-hidden="true"
    >
      {level === 'ok' && <circle cx="6" cy="6" r="4.5" />}
      {level === 'attention' && <path d="M6 .8 11.6 11H.4z" />}
      {level === 'failing' && (
        <>
          <path d="M3.7.5h4.6l3.2 3.2v4.6l-3.2 3.2H3.7L.5 8.3V3.7z" />
          <path d="M3.4 6h5.2" stroke="var(--card-ground)" strokeWidth="1.6" />
        </>
      )}
      {level === 'unknown' && (
        <circle
          cx="6"
          cy="6"
          r="4.3"
          fill="none"
          stroke="currentColor"
          strokeWidth="1.8"
          strokeDasharray="1.6 1.8"
        />
      )}
    </svg>
  )
}

import { SegmentedControl, Skeleton, useComputedColorScheme } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { useCheckHistory } from '../../state/check-history.ts'
import { useWords } from '../../words/context.tsx'
import { findReach, plotPoints, type Reach, reaches } from './delay-data.ts'
import type { Failure } from './delay-plot.tsx'

/** The plot's library is loaded with the first plot. */
const DelayPlot = lazy(() => import('./delay-plot.tsx'))

const reachWords = {
  hour: 'window.disk.hour',
  day: 'window.disk.day',
  month: 'window.disk.month',
} as const

interface DelayHistoryProps {
  /** The source's or the checked path's id. */
  id: string
  intervalSeconds: number
  /** Milliseconds since 1970; null if not checked yet. */
  lastCheckAt: number | null
  /** Failures to mark in the plot; none if unknown. */
  failures?: readonly Failure[]
}

const none: readonly Failure[] = []

/** Shows the read delays of the last hour, day or month. */
export function DelayHistory({ id, intervalSeconds, lastCheckAt, failures = none }: DelayHistoryProps) {
  const { t, say } = useWords()
  const scheme = useComputedColorScheme()
  const [reach, setReach] = useState<Reach>('hour')
  const { lengthMs, refreshMs } = reaches[reach]
  const { value: answer, failure } = useCheckHistory(
    { id, lengthMs, points: plotPoints, refreshMs },
    lastCheckAt,
  )
  const choose = (value: string) => {
    if (value in reaches) setReach(value as Reach)
  }
  return (
    <div className="plot-of-time">
      <SegmentedControl
        size="xs"
        aria-label={t('window.disk.reach')}
        value={reach}
        onChange={choose}
        data={(['hour', 'day', 'month'] as const).map((value) => ({ value, label: t(reachWords[value]) }))}
      />
      {failure !== null && (
        <p className="card-problem breakable">{t('window.disk.failure', { reason: say(failure) })}</p>
      )}
      {answer === null && failure === null && <Skeleton height={148} animate={false} />}
      {answer !== null && (
        <Suspense fallback={<Skeleton height={148} animate={false} />}>
          <DelayPlot
            // Re-created for another colour scheme: a canvas reads its colours only once.
            key={scheme}
            history={answer.history}
            to={answer.to}
            reach={findReach(answer.lengthMs) ?? reach}
            intervalSeconds={intervalSeconds}
            failures={failures}
          />
        </Suspense>
      )}
    </div>
  )
}

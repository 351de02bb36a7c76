import { isCounted } from '../../../core/agent/state/derived.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useWords, type Words } from '../../words/context.tsx'
import { destinationName, getDestinationStates, isSameEverywhere } from './describe.ts'

/** The heading of the sources, always one line: the files, their size, what every row would repeat, and what waits. */
export function SourcesSummary({ state }: { state: AppState }) {
  const words = useWords()
  const { t, format } = words
  const { sources, totals, destinations } = state
  const { sentFiles: count, sentBytes } = totals
  if (count === 0 || !sources.every(isCounted))
    return <h2 className="sources-summary">{t('window.sources.title')}</h2>
  const [first] = sources
  const shared =
    first !== undefined && isSameEverywhere(sources) ? getDestinationStates(first, destinations) : []
  const parts = [
    t('window.hero.files', { count }),
    format.bytes(sentBytes),
    describePlace(shared, state.status.level === 'ok', words),
    totals.waitingFiles > 0 ? t('window.hero.waiting', { count: totals.waitingFiles }) : null,
  ].filter((part) => part !== null)
  const text = parts.join(' · ')
  return (
    <h2 className="sources-summary clip" title={text}>
      {text}
    </h2>
  )
}

/** Describes where all files are, or are sent to. */
function describePlace(
  shared: ReturnType<typeof getDestinationStates>,
  isSafe: boolean,
  { t, format }: Words,
): string | null {
  if (shared.length === 0) return isSafe ? t('window.hero.safe') : null
  if (shared.every(({ kind }) => kind === 'embedded')) return t('window.hero.here')
  const names = format.list(shared.map((one) => destinationName(one, t)))
  return t(isSafe ? 'window.hero.safeAt' : 'window.hero.to', { names })
}

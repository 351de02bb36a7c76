import { Button, SegmentedControl } from '@mantine/core'
import { lazy, Suspense, useMemo, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import type { Transfer } from '../../state/types.ts'
import { IconRefresh } from '../../ui/icons.ts'
import { getSentFraction, ProgressBar } from '../../ui/progress-row.tsx'
import { useWords } from '../../words/context.tsx'
import { FileName } from '../file/file-name.tsx'
import { destinationName, getDestinationStates } from '../overview/describe.ts'
import { FileList } from './file-list.tsx'
import { RatePlot } from './rate-plot.tsx'

/** Loaded on demand: most people look at the files that are under way. */
const ReportView = lazy(() => import('../report/report-view.tsx'))

const views = ['now', 'report'] as const

/** Shows the files that are under way, or the report of a month or week. */
export function TransfersPage({ state }: { state: AppState }) {
  const { t } = useWords()
  const [view, setView] = useState<(typeof views)[number]>('now')
  return (
    <div className="stack">
      <SegmentedControl
        size="xs"
        aria-label={t('window.transfers.view')}
        value={view}
        onChange={(value) => setView(value === 'report' ? 'report' : 'now')}
        data={views.map((value) => ({ value, label: t(`window.transfers.view.${value}`) }))}
      />
      {view === 'now' ? (
        <TransfersNow state={state} />
      ) : (
        <Suspense fallback={null}>
          <ReportView />
        </Suspense>
      )}
    </div>
  )
}

/** Shows files in transfer, waiting files, and parked files with the reason. */
function TransfersNow({ state }: { state: AppState }) {
  const { t } = useWords()
  const { sources, destinations, totals } = state
  const sourceNames = useMemo(
    () => new Map(sources.map(({ settings }) => [settings.id, settings.name])),
    [sources],
  )
  const names = useMemo(
    () => new Map(destinations.map((one) => [one.id, destinationName(one, t)])),
    [destinations, t],
  )
  const several = names.size > 1 ? { destinationNames: names } : {}
  return (
    <>
      <Figures state={state} />
      {totals.parkedFiles > 0 && <Parked count={totals.parkedFiles} />}
      <UnderWay state={state} {...several} />
      <section className="card rows" aria-label={t('window.files.recent')}>
        <h2>{t('window.files.recent')}</h2>
        <FileList
          source={null}
          transfers={state.transfers}
          version={JSON.stringify([totals, destinations.map((one) => one.totals)])}
          {...several}
          {...(sources.length > 1 ? { sourceNames } : {})}
        />
      </section>
    </>
  )
}

function Figures({ state: { totals, sources, destinations } }: { state: AppState }) {
  const { t, format } = useWords()
  const several = sources.some((source) => source.destinations.length > 1)
  // Without sources it is the word that applies to the first one.
  const safe =
    destinations.some((one) => one.elsewhere) &&
    sources.every((source) => getDestinationStates(source, destinations).some((one) => one.elsewhere))
  const figures = [
    {
      label: t('window.figures.waiting'),
      value: totals.waitingFiles,
      note: format.bytes(totals.waitingBytes),
    },
    {
      label: t(several ? 'window.details.done' : safe ? 'window.figures.safe' : 'window.figures.copied'),
      value: totals.sentFiles,
      note: format.bytes(totals.sentBytes),
    },
    { label: t('window.figures.parked'), value: totals.parkedFiles, note: null },
  ]
  return (
    <dl className="figure-row">
      {figures.map(({ label, value, note }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd className="figures">{format.count(value)}</dd>
          {note !== null && <dd className="figures dimmed">{note}</dd>}
        </div>
      ))}
    </dl>
  )
}

/** Explains the parked files, with the button that retries them. */
function Parked({ count }: { count: number }) {
  const { t } = useWords()
  const { run } = useCommands()
  return (
    <div className="notice" data-tone="bad">
      <div className="row-words">
        <p>{t('window.parked.explain', { count })}</p>
        <Button
          size="xs"
          variant="default"
          leftSection={<IconRefresh size={15} />}
          onClick={() => run('retryParked', { id: null }, 'window.parked.retried')}
        >
          {t('window.parked.retry', { count })}
        </Button>
      </div>
    </div>
  )
}

interface UnderWayProps {
  state: AppState
  /** By id, if there are several. */
  destinationNames?: ReadonlyMap<string, string>
}

function UnderWay({ state: { transfers, left, rate }, destinationNames }: UnderWayProps) {
  const { t, format } = useWords()
  return (
    <section className="card rows" aria-label={t('window.transfers.underWay')}>
      <div className="spread">
        <h2>{t('window.transfers.underWay')}</h2>
        {rate > 0 && (
          <span className="figures dimmed">
            {format.rate(rate)}
            {left !== null && ` · ${t('window.about', { duration: format.roughDuration(left) })}`}
          </span>
        )}
      </div>
      <RatePlot />
      <div className="under-way">
        {transfers.length === 0 && <p className="dimmed">{t('window.transfers.none')}</p>}
        {transfers.map((transfer) => (
          <ProgressRow
            key={transfer.id}
            transfer={transfer}
            to={destinationNames?.get(transfer.destination) ?? null}
            aside={format.bytes(transfer.size)}
          />
        ))}
      </div>
    </section>
  )
}

interface ProgressRowProps {
  transfer: Transfer
  aside?: string
  /** The destination's name, if there are several. */
  to?: string | null
}

/** Shows a file in transfer: its name, its progress, and a bar. */
function ProgressRow({ transfer, aside, to = null }: ProgressRowProps) {
  const { format, t } = useWords()
  const fraction = getSentFraction(transfer)
  return (
    <div className="progress-row">
      <div className="progress-words">
        <FileName file={transfer} />
        <span className="figures">
          {to !== null && `${t('window.destination.arrow', { name: to })} · `}
          {aside === undefined ? '' : `${aside} · `}
          {format.percent(fraction)}
        </span>
      </div>
      <ProgressBar transfer={transfer} className="bar" />
    </div>
  )
}

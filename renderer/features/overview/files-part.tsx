import { Button } from '@mantine/core'
import type { AppState, DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'
import { useOpenRestore } from '../frame/pages.ts'
import {
  destinationName,
  destinationNames,
  doneWord,
  findKeepers,
  getDestinationStates,
  getPhaseWord,
} from './describe.ts'

/** Shows the numbers of a source's files, by destination. */
export function FilesPart({ source, state }: { source: SourceState; state: AppState }) {
  const { t, format } = useWords()
  const openRestore = useOpenRestore()
  const { totals } = source
  const mine = getDestinationStates(source, state.destinations)
  const kind = mine.some(({ elsewhere }) => elsewhere) ? 'receiver' : 'embedded'
  const several = mine.length > 1
  const rows = [
    { label: t('window.details.phase'), value: t(getPhaseWord(source)) },
    {
      label: t(several ? 'window.destinations' : 'window.details.destination'),
      value: destinationNames(mine, t),
    },
    {
      label: t('window.details.done'),
      value: `${t(doneWord(kind, source), { count: totals.sentFiles })} · ${format.bytes(totals.sentBytes)}`,
    },
    {
      label: t('window.details.waiting'),
      value: `${t('window.count.waiting', { count: totals.waitingFiles })} · ${format.bytes(totals.waitingBytes)}`,
    },
    ...(totals.deletedFiles > 0
      ? [
          {
            label: t('window.details.deleted'),
            value: `${t('window.count.keptAt', { count: totals.deletedFiles, destination: destinationNames(findKeepers(source, mine), t) })} · ${format.bytes(totals.deletedBytes)}`,
            action: (
              <Button size="compact-xs" variant="default" onClick={() => openRestore(source, true)}>
                {t('window.deleted.putBack')}
              </Button>
            ),
          },
        ]
      : []),
    ...(totals.removedFiles > 0
      ? [
          {
            label: t('window.details.removed'),
            value: `${format.count(totals.removedFiles)} · ${format.bytes(totals.removedBytes)}`,
          },
        ]
      : []),
    ...(several
      ? mine.map((one) => ({ label: destinationName(one, t), value: formatCounts(one, source, t) }))
      : []),
    ...(totals.parkedFiles > 0
      ? [
          {
            label: t('window.details.parked'),
            value: t('window.count.parked', { count: totals.parkedFiles }),
          },
        ]
      : []),
  ]
  return (
    <section className="card" aria-label={t('window.details.title')}>
      <dl className="facts">
        {rows.map(({ label, value, action }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              {value} {action}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

/** Describes a source's files at one of several destinations. */
function formatCounts(
  { id, elsewhere }: DestinationState,
  source: SourceState,
  t: ReturnType<typeof useWords>['t'],
): string {
  const totals = source.destinations.find((one) => one.id === id)?.totals
  if (totals === undefined) return ''
  const { sentFiles, waitingFiles } = totals
  const sent = t(elsewhere ? 'window.count.sent' : 'window.count.copiedHere', { count: sentFiles })
  return waitingFiles === 0 ? sent : `${sent} · ${t('window.count.waiting', { count: waitingFiles })}`
}

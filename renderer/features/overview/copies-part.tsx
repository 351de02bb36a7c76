import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { findKeepers } from '../../../core/agent/state/derived.ts'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { useWords } from '../../words/context.tsx'
import { useOpenRestore } from '../frame/pages.ts'
import {
  describeDestinations,
  destinationNames,
  doneWord,
  getDestinationStates,
  type HealthLevel,
} from './describe.ts'
import { HealthMark } from './health-line.tsx'

interface Row {
  key: string
  level?: HealthLevel
  label: string
  value: string
  action?: ReactNode
}

/** Shows what each destination has of a folder, and which files are gone here or cannot be sent. */
export function CopiesPart({ source, state }: { source: SourceState; state: AppState }) {
  const { t, format } = useWords()
  const { run } = useCommands()
  const openRestore = useOpenRestore()
  const { totals, settings } = source
  const mine = getDestinationStates(source, state.destinations)
  const button = (label: string, onClick: () => unknown) => (
    <Button size="compact-xs" variant="default" onClick={() => void onClick()}>
      {label}
    </Button>
  )
  const countAt = (id: string): string => {
    const there = source.destinations.find((one) => one.id === id)?.totals ?? totals
    const kind = mine.some((one) => one.id === id && one.elsewhere) ? 'receiver' : 'embedded'
    const several = kind === 'receiver' ? 'window.count.sent' : 'window.count.copiedHere'
    const sent = t(mine.length > 1 ? several : doneWord(kind, source), { count: there.sentFiles })
    const waiting = t('window.count.waiting', { count: there.waitingFiles })
    return [
      sent,
      ...(there.sentFiles > 0 ? [format.bytes(there.sentBytes)] : []),
      ...(there.waitingFiles > 0 ? [waiting, format.bytes(there.waitingBytes)] : []),
    ].join(' · ')
  }
  const rows: Row[] = describeDestinations(mine, state, t).map(({ id, name, failure, level }) => ({
    ...{ key: id, level, label: failure ?? name, value: countAt(id) },
  }))
  if (totals.deletedFiles > 0) {
    const destination = destinationNames(findKeepers({ destinations: mine }, [source]), t)
    const kept = t('window.count.keptAt', { count: totals.deletedFiles, destination })
    rows.push({
      ...{ key: 'deleted', label: t('window.details.deleted') },
      value: `${kept} · ${format.bytes(totals.deletedBytes)}`,
      action: button(t('window.deleted.putBack'), () => openRestore(source, true)),
    })
  }
  if (totals.removedFiles > 0)
    rows.push({
      ...{ key: 'removed', label: t('window.details.removed') },
      value: `${format.count(totals.removedFiles)} · ${format.bytes(totals.removedBytes)}`,
    })
  if (totals.parkedFiles > 0)
    rows.push({
      ...{ key: 'parked', label: t('window.details.parked'), value: format.count(totals.parkedFiles) },
      action: button(t('window.files.retry'), () =>
        run('retryParked', { id: settings.id }, 'window.parked.retried'),
      ),
    })
  return (
    <section className="card" aria-label={t('window.details.copies')}>
      <div className="spread">
        <h3>{t('window.details.copies')}</h3>
        {button(t('window.restore.menu'), () => openRestore(source))}
      </div>
      <dl className="facts">
        {rows.map(({ key, level, label, value, action }) => (
          <div key={key}>
            <dt>
              {level !== undefined && <HealthMark level={level} />}
              {label}
            </dt>
            <dd>
              {value} {action}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

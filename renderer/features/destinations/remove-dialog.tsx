import type { DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { useWords, type Words } from '../../words/context.tsx'

interface RemoveDialogProps {
  destination: DestinationState
  sources: readonly SourceState[]
  /** There is no other destination. */
  isLast: boolean
  opened: boolean
  onClose: () => void
}

/** Explains the consequences for the files before the destination is removed. */
export function RemoveDialog({ destination, sources, isLast, opened, onClose }: RemoveDialogProps) {
  const { t } = useWords()
  const { run } = useCommands()
  const { id, name } = destination
  /** Sources whose files may only go to this destination: they keep it from being removed. */
  const bound = isLast ? [] : boundTo(destination, sources)
  const isRefused = bound.length > 0
  return (
    <Confirm
      opened={opened}
      title={t(isRefused ? 'window.destination.removeOnlyTitle' : 'window.destination.removeTitle', { name })}
      consequences={
        isRefused
          ? [t('window.destination.removeOnly', { names: bound.join(t('window.list.separator')) })]
          : listConsequences(destination, isLast, t)
      }
      action={isRefused ? null : t('window.destination.removeAction')}
      dangerous
      onClose={onClose}
      onConfirm={() => run('removeDestination', { id }, 'window.destination.removed')}
    />
  )
}

/** Returns the names of the sources that are sent only to this destination. */
function boundTo({ id }: DestinationState, sources: readonly SourceState[]): string[] {
  return sources.flatMap(({ settings, destinations: [only, another] }) =>
    settings.destinations !== null && only?.id === id && another === undefined ? [settings.name] : [],
  )
}

function listConsequences(
  { kind, name, totals }: DestinationState,
  isLast: boolean,
  t: Words['t'],
): string[] {
  return [
    t('window.destination.removeEffect', { name }),
    ...(isLast ? [t('window.embedded.useEffect')] : []),
    ...(!isLast && totals.waitingFiles > 0
      ? [t('window.destination.removeWaiting', { count: totals.waitingFiles, name })]
      : []),
    t(kind === 'receiver' ? 'window.embedded.useWarning' : 'window.destinations.removeWarning'),
  ]
}

import { Menu } from '@mantine/core'
import { useState } from 'react'
import type { DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { IconPencil, IconTrash } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { DestinationHealth } from './destination-health.tsx'
import { RenameDialog } from './rename-dialog.tsx'

interface DestinationRowProps {
  destination: DestinationState
  sources: readonly SourceState[]
}

/** One of several destinations: how it is, what waits for it, and what can be done to it. */
export function DestinationRow({ destination, sources }: DestinationRowProps) {
  const { t, format } = useWords()
  const { run } = useCommands()
  const [renaming, setRenaming] = useState(false)
  const [removing, setRemoving] = useState(false)
  const { id, name, address, totals, rate, left } = destination
  /** Nobody has said that another destination may have their files. */
  const bound = sources.flatMap(({ settings, destinations: [only, another] }) =>
    settings.destinations !== null && only?.id === id && another === undefined ? [settings] : [],
  )
  const moving = [
    ...(totals.waitingFiles > 0
      ? [t('window.count.waiting', { count: totals.waitingFiles }), format.bytes(totals.waitingBytes)]
      : []),
    ...(rate > 0 ? [format.rate(rate)] : []),
    ...(left === null ? [] : [t('window.about', { duration: format.roughDuration(left) })]),
  ]

  return (
    <section className="destination-row" aria-label={name}>
      <div className="spread">
        <span className="card-name breakable">{name}</span>
        <ActionsMenu name={name}>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setRenaming(true)}>
            {t('window.destination.rename')}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setRemoving(true)}>
            {t('window.destination.remove')}
          </Menu.Item>
        </ActionsMenu>
      </div>
      <span className="dimmed selectable breakable">{address}</span>
      <DestinationHealth destination={destination} />
      {moving.length > 0 && <span className="dimmed figures">{moving.join(' · ')}</span>}
      <RenameDialog destination={destination} opened={renaming} onClose={() => setRenaming(false)} />
      <Confirm
        opened={removing}
        title={t(bound.length > 0 ? 'window.destination.removeOnlyTitle' : 'window.destination.removeTitle', {
          name,
        })}
        consequences={
          bound.length > 0
            ? [
                t('window.destination.removeOnly', {
                  names: bound.map((source) => source.name).join(t('window.list.separator')),
                }),
              ]
            : [
                t('window.destination.removeEffect', { name }),
                ...(totals.waitingFiles > 0
                  ? [t('window.destination.removeWaiting', { count: totals.waitingFiles, name })]
                  : []),
                t('window.embedded.useWarning'),
              ]
        }
        action={bound.length > 0 ? null : t('window.destination.removeAction')}
        dangerous
        onClose={() => setRemoving(false)}
        onConfirm={() => run('removeDestination', { id }, 'window.destination.removed')}
      />
    </section>
  )
}

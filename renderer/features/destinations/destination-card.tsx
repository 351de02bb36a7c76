import { Button, Menu } from '@mantine/core'
import { useState } from 'react'
import type { AppState, DestinationState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import { Breakable } from '../../ui/breakable.tsx'
import {
  IconHeartbeat,
  IconPencil,
  IconPlayerEject,
  IconPlayerPlay,
  IconRestore,
  IconSettings,
  IconTrash,
} from '../../ui/icons.ts'
import { RenameDialog } from '../../ui/rename-dialog.tsx'
import { useWords, type Words } from '../../words/context.tsx'
import { useOpenPage } from '../frame/pages.ts'
import { ChangeDialog } from './change-dialog.tsx'
import { DestinationHealth } from './destination-health.tsx'
import { EjectDialog } from './eject-dialog.tsx'
import { kinds } from './kinds.ts'
import { RemoveDialog } from './remove-dialog.tsx'
import { TestDialog } from './test-dialog.tsx'

interface DestinationCardProps {
  destination: DestinationState
  state: AppState
}

/** Shows a destination: kind, address, state, waiting files and actions. */
export function DestinationCard({ destination, state }: DestinationCardProps) {
  const words = useWords()
  const { t } = words
  const { id, kind, name, address } = destination
  const { icon: Icon, word } = kinds[kind]
  const settings = state.settings.destinations.find((one) => one.id === id)
  const encryption = settings !== undefined && settings.kind !== 'receiver' ? settings : null
  const isEncrypted = encryption !== null && encryption.recipient !== null
  const figures = formatFigures(destination, words)
  return (
    <section className="card destination-card" aria-label={name}>
      <div className="spread">
        <span className="kind-name">
          <Icon size={18} stroke={1.7} aria-hidden="true" />
          <span className="card-name breakable">{name}</span>
        </span>
        <DestinationMenu destination={destination} state={state} />
      </div>
      <p className="dimmed selectable breakable">
        {t(word)} ·{' '}
        {isEncrypted &&
          `${t(encryption.hideNames ? 'window.destinations.hidden' : 'window.destinations.encrypted')} · `}
        <Breakable text={address} />
      </p>
      <DestinationHealth destination={destination} state={state} />
      {figures !== '' && <p className="dimmed figures-line">{figures}</p>}
      {destination.ejectedAt !== undefined && <EjectedNote destination={destination} />}
      {!destination.elsewhere && <p className="card-problem warn">{t('window.destinations.notElsewhere')}</p>}
    </section>
  )
}

/** Explains how an ejected disk is used again. */
function EjectedNote({ destination: { id } }: Pick<DestinationCardProps, 'destination'>) {
  const { t } = useWords()
  const { run } = useCommands()
  return (
    <div className="spread">
      <p className="dimmed">{t('window.destination.ejectedNote')}</p>
      <Button
        size="xs"
        variant="default"
        onClick={() => run('useDestination', { id }, 'window.destination.usedAgain')}
      >
        {t('window.destination.useAgain')}
      </Button>
    </div>
  )
}

/** Describes the sent and waiting files, the rate and the time left. */
function formatFigures(
  { totals, rate, left, elsewhere, connection, ejectedAt }: DestinationState,
  { t, format }: Words,
): string {
  const { sentFiles, sentBytes, deletedFiles, waitingFiles, waitingBytes, parkedFiles } = totals
  const { space } = connection
  return [
    ...(sentFiles > 0
      ? [
          t(elsewhere ? 'window.count.safe' : 'window.count.copied', { count: sentFiles }),
          format.bytes(sentBytes),
        ]
      : []),
    ...(deletedFiles > 0 ? [t('window.count.deleted', { count: deletedFiles })] : []),
    ...(waitingFiles > 0
      ? [t('window.count.waiting', { count: waitingFiles }), format.bytes(waitingBytes)]
      : []),
    ...(parkedFiles > 0 ? [t('window.count.parked', { count: parkedFiles })] : []),
    ...(rate > 0 && ejectedAt === undefined ? [format.rate(rate)] : []),
    ...(left === null ? [] : [t('window.about', { duration: format.roughDuration(left) })]),
    ...(space === undefined
      ? []
      : [
          t('window.destinations.free', { free: format.bytes(space.free), total: format.bytes(space.total) }),
        ]),
  ].join(' · ')
}

type Opened = 'rename' | 'change' | 'test' | 'eject' | 'remove' | null

function DestinationMenu({ destination, state }: DestinationCardProps) {
  const { t } = useWords()
  const { ask, run } = useCommands()
  const openPage = useOpenPage()
  const [opened, setOpened] = useState<Opened>(null)
  const close = () => setOpened(null)
  const { id, name, kind, ejectedAt } = destination
  const settings = state.settings.destinations.find((one) => one.id === id)
  // The path of a folder cannot be changed.
  const known =
    settings === undefined || settings.kind === 'folder' ? null : { settings, stored: destination.secrets }
  return (
    <>
      <ActionsMenu name={name}>
        <Menu.Item
          leftSection={<IconRestore size={16} />}
          onClick={() => openPage('destinations', { id: 'restore', destination: id })}
        >
          {t('window.restore.menu')}
        </Menu.Item>
        <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setOpened('rename')}>
          {t('window.destination.rename')}
        </Menu.Item>
        {known !== null && (
          <Menu.Item leftSection={<IconSettings size={16} />} onClick={() => setOpened('change')}>
            {t('window.destinations.change')}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconHeartbeat size={16} />} onClick={() => setOpened('test')}>
          {t('window.destinations.testMenu')}
        </Menu.Item>
        {kind === 'folder' && ejectedAt === undefined && (
          <Menu.Item leftSection={<IconPlayerEject size={16} />} onClick={() => setOpened('eject')}>
            {t('window.destination.eject')}
          </Menu.Item>
        )}
        {ejectedAt !== undefined && (
          <Menu.Item
            leftSection={<IconPlayerPlay size={16} />}
            onClick={() => run('useDestination', { id }, 'window.destination.usedAgain')}
          >
            {t('window.destination.useAgain')}
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setOpened('remove')}>
          {t('window.destination.remove')}
        </Menu.Item>
      </ActionsMenu>
      <RenameDialog
        before={name}
        rename={(wanted) => ask('renameDestination', { id, name: wanted })}
        done="window.destination.renamed"
        opened={opened === 'rename'}
        onClose={close}
      />
      <RemoveDialog
        destination={destination}
        sources={state.sources}
        isLast={state.destinations.length === 1}
        opened={opened === 'remove'}
        onClose={close}
      />
      <EjectDialog destination={destination} opened={opened === 'eject'} onClose={close} />
      {settings !== undefined && (
        <TestDialog destination={settings} opened={opened === 'test'} onClose={close} />
      )}
      {known !== null && (
        <ChangeDialog known={known} state={state} opened={opened === 'change'} onClose={close} />
      )}
    </>
  )
}

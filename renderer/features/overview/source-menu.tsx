import { Menu } from '@mantine/core'
import { useState } from 'react'
import type { DestinationState, SourceState } from '../../../core/agent/state/schema.ts'
import { useBridge } from '../../state/bridge.tsx'
import { useCommands } from '../../state/commands.tsx'
import { DesktopOnly } from '../../state/desktop-only.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { ActionsMenu } from '../../ui/actions-menu.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import {
  IconArrowBackUp,
  IconFolder,
  IconFolderSymlink,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconRestore,
  IconServer,
  IconTrash,
} from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { useOpenRestore } from '../frame/pages.ts'
import { type DestinationChoice, SourceDestinations } from './source-destinations.tsx'

interface SourceMenuProps {
  source: SourceState
  destinationKind: DestinationState['kind']
  destinationName: string
  /** All destinations that can be chosen. */
  choices: readonly DestinationChoice[]
}

/** Shows the actions on a source. */
export function SourceMenu({ source, destinationKind, destinationName, choices }: SourceMenuProps) {
  const { t } = useWords()
  const { run, tell } = useCommands()
  const bridge = useBridge()
  const openRestore = useOpenRestore()
  const [removing, setRemoving] = useState(false)
  const [choosing, setChoosing] = useState(false)
  const { id, name, path, paused } = source.settings
  const { parkedFiles, waitingFiles, deletedFiles } = source.totals

  const move = async () => {
    const chosen = await bridge.call('choosePath', { what: 'directory' })
    if (chosen.path !== null) await run('moveSource', { id, path: chosen.path }, 'window.source.moved')
  }

  return (
    <>
      <ActionsMenu name={name}>
        <Menu.Item
          leftSection={paused ? <IconPlayerPlay size={16} /> : <IconPlayerPause size={16} />}
          onClick={() => run('changeSource', { id, changes: { paused: !paused } })}
        >
          {paused ? t('window.source.resume') : t('window.source.pause')}
        </Menu.Item>
        <DesktopOnly>
          <Menu.Item
            leftSection={<IconFolder size={16} />}
            onClick={() => run('showDirectory', { source: id })}
          >
            {t('window.showDirectory')}
          </Menu.Item>
        </DesktopOnly>
        <Menu.Item
          leftSection={<IconFolderSymlink size={16} />}
          onClick={() => move().catch((error) => tell('refused', sentenceOfThrown(error)))}
        >
          {t('window.source.move')}
        </Menu.Item>
        {choices.length > 1 && (
          <Menu.Item leftSection={<IconServer size={16} />} onClick={() => setChoosing(true)}>
            {t('window.destination.choose')}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconRestore size={16} />} onClick={() => openRestore(source)}>
          {t('window.restore.menu')}
        </Menu.Item>
        {deletedFiles > 0 && (
          <Menu.Item leftSection={<IconArrowBackUp size={16} />} onClick={() => openRestore(source, true)}>
            {t('window.deleted.putBack')}
          </Menu.Item>
        )}
        {parkedFiles > 0 && (
          <Menu.Item
            leftSection={<IconRefresh size={16} />}
            onClick={() => run('retryParked', { id }, 'window.parked.retried')}
          >
            {t('window.parked.retry', { count: parkedFiles })}
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => setRemoving(true)}>
          {t('window.source.remove')}
        </Menu.Item>
      </ActionsMenu>
      {choices.length > 1 && (
        <SourceDestinations
          source={source.settings}
          choices={choices}
          opened={choosing}
          onClose={() => setChoosing(false)}
        />
      )}
      <Confirm
        opened={removing}
        title={t('window.source.removeTitle', { name })}
        consequences={[
          destinationKind === 'embedded'
            ? t('window.source.removeEffectHere', { path })
            : t('window.source.removeEffect', { path, destination: destinationName }),
          t('window.source.removeReports'),
          ...(waitingFiles > 0 ? [t('window.source.removeWaiting', { count: waitingFiles })] : []),
        ]}
        action={t('window.source.removeAction')}
        dangerous
        onClose={() => setRemoving(false)}
        onConfirm={() => run('removeSource', { id }, 'window.source.removed')}
      />
    </>
  )
}

import { Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { CommandOutput } from '../../../core/agent/contract.ts'
import type { DestinationState } from '../../../core/agent/state/schema.ts'
import { useBridge } from '../../state/bridge.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import { Copyable } from '../../ui/copyable.tsx'
import { FormDialog, useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'

interface EjectDialogProps {
  destination: DestinationState
  opened: boolean
  onClose: () => void
}

/** Ejects the disk of a folder, and shows when it may be unplugged. */
export function EjectDialog({ destination, opened, onClose }: EjectDialogProps) {
  const { t } = useWords()
  return (
    <FormDialog
      opened={opened}
      title={t('window.destination.ejectTitle', { name: destination.name })}
      onClose={onClose}
    >
      <Eject destination={destination} onClose={onClose} />
    </FormDialog>
  )
}

function Eject({ destination: { id, name }, onClose }: Omit<EjectDialogProps, 'opened'>) {
  const { t, say } = useWords()
  const bridge = useBridge()
  const [isEjecting, setEjecting] = useState(false)
  const [result, setResult] = useState<CommandOutput<'ejectDestination'> | null>(null)
  useHold(false, isEjecting)
  const eject = async () => {
    setEjecting(true)
    const answer = await bridge.call('ejectDestination', { id }).catch(
      (error): CommandOutput<'ejectDestination'> => ({
        removable: false,
        sentence: sentenceOfThrown(error),
        command: null,
      }),
    )
    setResult(answer)
    setEjecting(false)
  }
  const isDone = result?.removable === true
  return (
    <Stack gap="sm">
      {result === null ? (
        <>
          <Text className="breakable">{t('window.destination.ejectEffect', { name })}</Text>
          <Text className="breakable">{t('window.destination.ejectWaits')}</Text>
        </>
      ) : (
        <p role="status" className={isDone ? 'good breakable' : 'card-problem warn breakable'}>
          {say(result.sentence)}
        </p>
      )}
      {result !== null && result.command !== null && (
        <Copyable text={result.command} label="window.pair.copy" done="window.pair.copied" />
      )}
      <Group justify="flex-end" gap="xs" mt="xs">
        <Button variant="default" disabled={isEjecting} onClick={onClose} data-autofocus>
          {t(result === null ? 'window.cancel' : 'window.close')}
        </Button>
        {!isDone && (
          <Button loading={isEjecting} onClick={eject}>
            {t(result === null ? 'window.destination.ejectAction' : 'window.destination.ejectAgain')}
          </Button>
        )}
      </Group>
    </Stack>
  )
}

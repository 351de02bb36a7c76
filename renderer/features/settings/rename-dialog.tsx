import { Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { DestinationState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/words/message.ts'
import { message } from '../../../core/words/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { useWords } from '../../words/context.tsx'

interface RenameDialogProps {
  destination: DestinationState
  opened: boolean
  onClose: () => void
}

/** Gives a destination another name here; nothing changes at the destination itself. */
export function RenameDialog({ destination, opened, onClose }: RenameDialogProps) {
  const { t } = useWords()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      closeOnClickOutside={false}
      title={t('window.destination.renameTitle', { name: destination.name })}
      closeButtonProps={{ 'aria-label': t('window.close') }}
    >
      <RenameForm id={destination.id} before={destination.name} onDone={onClose} />
    </Modal>
  )
}

function RenameForm({ id, before, onDone }: { id: string; before: string; onDone: () => void }) {
  const { t, say } = useWords()
  const { ask, tell } = useCommands()
  const [name, setName] = useState(before)
  const [refusal, setRefusal] = useState<Message | null>(null)

  const rename = async (event: FormEvent) => {
    event.preventDefault()
    const outcome = await ask('renameDestination', { id, name: name.trim() })
    if (!outcome.done) {
      setRefusal(outcome.sentence)
      return
    }
    tell('done', message('window.destination.renamed'))
    onDone()
  }

  return (
    <form onSubmit={rename}>
      <Stack gap="sm">
        <TextInput
          label={t('window.destination.newName')}
          value={name}
          maxLength={200}
          data-autofocus
          onChange={(event) => {
            setName(event.currentTarget.value)
            setRefusal(null)
          }}
          error={refusal === null ? null : say(refusal)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onDone}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" disabled={name.trim() === ''}>
            {t('window.destination.renameAction')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

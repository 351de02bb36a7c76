import { Button, Group, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { DestinationState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/words/message.ts'
import { message } from '../../../core/words/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { FormDialog, useHold } from '../../ui/form-dialog.tsx'
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
    <FormDialog
      opened={opened}
      title={t('window.destination.renameTitle', { name: destination.name })}
      onClose={onClose}
    >
      <RenameForm id={destination.id} before={destination.name} onDone={onClose} />
    </FormDialog>
  )
}

function RenameForm({ id, before, onDone }: { id: string; before: string; onDone: () => void }) {
  const { t, say } = useWords()
  const { ask, tell } = useCommands()
  const [name, setName] = useState(before)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(name !== before, busy)

  const rename = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    const outcome = await ask('renameDestination', { id, name: name.trim() })
    setBusy(false)
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
          <Button variant="default" disabled={busy} onClick={onDone}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" loading={busy} disabled={name.trim() === ''}>
            {t('window.destination.renameAction')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

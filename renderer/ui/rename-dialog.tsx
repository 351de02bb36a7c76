import { Button, Group, Stack, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { type Message, message, type WordKey } from '../../core/lib/i18n/message.ts'
import { type Outcome, useCommands } from '../state/commands.tsx'
import { useWords } from '../words/context.tsx'
import { FormDialog, useHold } from './form-dialog.tsx'

interface RenameFormProps {
  before: string
  rename: (name: string) => Promise<Outcome>
  /** The message after a success. */
  done: WordKey
  /** For another text than a name; it may be empty. */
  other?: { title: string; label: WordKey; longest: number }
  onDone: () => void
}

interface RenameDialogProps extends Omit<RenameFormProps, 'onDone'> {
  opened: boolean
  onClose: () => void
}

/** Asks for a new name, or for another short text. */
export function RenameDialog({ opened, onClose, ...form }: RenameDialogProps) {
  const { t } = useWords()
  return (
    <FormDialog
      opened={opened}
      title={form.other?.title ?? t('window.destination.renameTitle', { name: form.before })}
      onClose={onClose}
    >
      <RenameForm {...form} onDone={onClose} />
    </FormDialog>
  )
}

function RenameForm({ before, rename, done, other, onDone }: RenameFormProps) {
  const { t, say } = useWords()
  const { tell } = useCommands()
  const [name, setName] = useState(before)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  useHold(name !== before, busy)

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    const outcome = await rename(name.trim())
    setBusy(false)
    if (!outcome.done) {
      setRefusal(outcome.sentence)
      return
    }
    tell('done', message(done))
    onDone()
  }

  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <TextInput
          label={t(other?.label ?? 'window.destination.newName')}
          value={name}
          maxLength={other?.longest ?? 200}
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
          <Button type="submit" loading={busy} disabled={name.trim() === '' && other === undefined}>
            {t(other === undefined ? 'window.destination.renameAction' : 'window.destinations.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

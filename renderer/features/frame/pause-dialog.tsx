import { Button, Group, Stack } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { LONGEST_PAUSE_MINUTES } from '../../../core/settings/bounds.ts'
import { useCommands } from '../../state/commands.tsx'
import { FormDialog, useHold } from '../../ui/form-dialog.tsx'
import { NumberField } from '../../ui/number-field.tsx'
import { useWords } from '../../words/context.tsx'

const LEAST_HOURS = 0.25
const MOST_HOURS = LONGEST_PAUSE_MINUTES / 60
const DEFAULT_HOURS = 4

/** Asks for how many hours to pause sending. */
export default function PauseDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useWords()
  return (
    <FormDialog opened={opened} title={t('window.pause.otherTitle')} onClose={onClose}>
      <PauseForm onDone={onClose} />
    </FormDialog>
  )
}

function PauseForm({ onDone }: { onDone: () => void }) {
  const { t } = useWords()
  const { run } = useCommands()
  const [typed, setTyped] = useState(String(DEFAULT_HOURS))
  useHold(typed !== String(DEFAULT_HOURS), false)
  const hours = Number(typed)
  const isAllowed = hours >= LEAST_HOURS && hours <= MOST_HOURS

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!isAllowed) return
    run('pause', { minutes: hours * 60 })
    onDone()
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <NumberField
          label={t('window.pause.hours')}
          description={t('window.pause.hoursHint')}
          value={typed}
          onChange={setTyped}
          data-autofocus
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            {t('window.cancel')}
          </Button>
          <Button type="submit" disabled={!isAllowed}>
            {t('window.pause.start')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

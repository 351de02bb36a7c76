import { Button, Checkbox, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { AppState, SourceState } from '../../../core/agent/state/schema.ts'
import { useCommands } from '../../state/commands.tsx'
import { FormDialog, useHold } from '../../ui/form-dialog.tsx'
import { useWords } from '../../words/context.tsx'

export type DestinationChoice = Pick<AppState['settings']['destinations'][number], 'id' | 'name'>

interface SourceDestinationsProps {
  source: SourceState['settings']
  choices: readonly DestinationChoice[]
  opened: boolean
  onClose: () => void
}

/** Chooses a source's destinations, if there are at least two. */
export function SourceDestinations({ source, choices, opened, onClose }: SourceDestinationsProps) {
  const { t } = useWords()
  return (
    <FormDialog
      opened={opened}
      title={t('window.destination.chooseTitle', { name: source.name })}
      onClose={onClose}
    >
      <ChoiceForm source={source} choices={choices} onClose={onClose} />
    </FormDialog>
  )
}

/** Shows the present setting until the user changes it. */
function ChoiceForm({ source, choices, onClose }: Omit<SourceDestinationsProps, 'opened'>) {
  const { t } = useWords()
  const { run } = useCommands()
  const [ticked, setTicked] = useState<typeof source.destinations>()
  const [busy, setBusy] = useState(false)
  useHold(ticked !== undefined, busy)
  const chosen = ticked === undefined ? source.destinations : ticked
  const all = choices.map(({ id }) => id)
  const toggle = (id: string, wanted: boolean) =>
    setTicked((chosen ?? all).filter((one) => one !== id).concat(wanted ? [id] : []))

  const save = async () => {
    setBusy(true)
    const isDone = await run(
      'changeSource',
      { id: source.id, changes: { destinations: chosen } },
      'window.destination.chosen',
    )
    setBusy(false)
    if (isDone) onClose()
  }

  return (
    <Stack gap="sm">
      <Checkbox
        label={t('window.destination.chooseAll')}
        checked={chosen === null}
        onChange={(event) => setTicked(event.currentTarget.checked ? null : all)}
      />
      <Stack gap="xs" pl="lg">
        {choices.map(({ id, name }) => (
          <Checkbox
            key={id}
            label={<span className="breakable">{name}</span>}
            disabled={chosen === null}
            checked={chosen?.includes(id) ?? true}
            onChange={(event) => toggle(id, event.currentTarget.checked)}
          />
        ))}
      </Stack>
      <Text size="sm" c="dimmed">
        {t('window.destination.chooseEffect')}
      </Text>
      <Group justify="flex-end" gap="xs">
        <Button variant="default" disabled={busy} onClick={onClose}>
          {t('window.cancel')}
        </Button>
        <Button loading={busy} disabled={chosen?.length === 0} onClick={save}>
          {t('window.destination.chooseAction')}
        </Button>
      </Group>
    </Stack>
  )
}

import { Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { CommandOutput } from '../../../core/agent/contract.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { useWords } from '../../words/context.tsx'
import { namesInLine } from '../alerts/incidents.ts'
import { DifferenceRow } from './difference-row.tsx'
import { ImportSummary } from './import-summary.tsx'

export type Read = NonNullable<CommandOutput<'readSettings'>>

interface ImportDialogProps {
  read: Read
  /** The present settings. */
  now: AppState['settings']
  opened: boolean
  onClose: () => void
}

/** Shows the changes that an import makes; they are applied only when its button is pressed. */
export function ImportDialog({
  read: { file, settings, differences, missing },
  now,
  opened,
  onClose,
}: ImportDialogProps) {
  const words = useWords()
  const { t, say } = words
  const { ask, tell } = useCommands()
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [busy, setBusy] = useState(false)
  const nothing = differences.length === 0
  const removes = differences.some(({ kind, change }) => kind === 'source' && change === 'removed')

  const apply = async () => {
    setBusy(true)
    const outcome = await ask('importSettings', { settings })
    setBusy(false)
    setRefusal(outcome.done ? null : outcome.sentence)
    if (!outcome.done) return
    tell('done', message('settings.imported'))
    onClose()
  }

  return (
    <Dialog
      opened={opened}
      onClose={onClose}
      closeOnClickOutside={!busy}
      title={t('settings.import.title')}
      closeButtonProps={{ 'aria-label': t('window.close'), disabled: busy }}
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed" className="breakable">
          {file}
        </Text>
        {nothing ? <Text>{t('settings.importNothing')}</Text> : <ImportSummary now={now} next={settings} />}
        <ul className="differences">
          {differences.map((one) => (
            <DifferenceRow
              key={`${one.kind} ${one.change} ${one.name}`}
              difference={one}
              other="settings.import.other"
            />
          ))}
        </ul>
        {removes && <Text size="sm">{t('settings.import.removes')}</Text>}
        {missing.length > 0 && (
          <p className="card-problem warn">
            {t('settings.importMissing', { names: namesInLine(missing, words) })}
          </p>
        )}
        {refusal !== null && (
          <p className="card-problem breakable" role="alert">
            {say(refusal)}
          </p>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" disabled={busy} onClick={onClose} data-autofocus>
            {t(nothing ? 'window.close' : 'window.cancel')}
          </Button>
          {!nothing && (
            <Button color="red" loading={busy} onClick={apply}>
              {t('settings.import.action')}
            </Button>
          )}
        </Group>
      </Stack>
    </Dialog>
  )
}

import { Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { Message } from '../../../core/words/message.ts'
import { message } from '../../../core/words/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { IconPencil, IconPlus, IconTrash } from '../../ui/icons.ts'
import { useWords, type Words } from '../../words/context.tsx'
import { namesInLine } from '../alerts/incidents.ts'
import type { Read } from './exchange-part.tsx'
import { settingNames } from './find.ts'

type Difference = Read['differences'][number]

const icons = { added: IconPlus, removed: IconTrash, changed: IconPencil } as const

interface ImportDialogProps {
  read: Read
  opened: boolean
  onClose: () => void
}

/** What a file would change; nothing is changed before its button is pressed. */
export function ImportDialog({
  read: { file, settings, differences, missing },
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
      closeOnEscape={!busy}
      title={t('settings.import.title')}
      closeButtonProps={{ 'aria-label': t('window.close'), disabled: busy }}
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed" className="breakable">
          {file}
        </Text>
        {nothing && <Text>{t('settings.importNothing')}</Text>}
        <ul className="differences">
          {differences.map((one) => (
            <DifferenceRow key={`${one.kind} ${one.change} ${one.name}`} difference={one} />
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
            <Button loading={busy} onClick={apply}>
              {t('settings.import.action')}
            </Button>
          )}
        </Group>
      </Stack>
    </Dialog>
  )
}

function DifferenceRow({ difference: { kind, change, name, details } }: { difference: Difference }) {
  const words = useWords()
  const { t } = words
  const known = settingNames[name]
  const Icon = icons[change]
  const title = kind === 'setting' && known !== undefined ? t(known) : name
  return (
    <li>
      <Icon size={15} role="img" aria-label={t(`settings.import.${change}`)} />
      <span className="row-words">
        <span className="breakable">
          {title} {kind !== 'setting' && <span className="dimmed">{t(`settings.import.kind.${kind}`)}</span>}
        </span>
        {details.length > 0 && (
          <span className="dimmed breakable">
            {kind === 'setting' ? valuesInWords(details, words) : details.join(t('window.list.separator'))}
          </span>
        )}
      </span>
    </li>
  )
}

/** "10 → 60"; what is a list or has parts of its own is only said to be another one. */
function valuesInWords(details: readonly string[], { t }: Words): string {
  const texts = details.map((detail) => {
    const value: unknown = JSON.parse(detail)
    if (value === null) return t('settings.import.none')
    if (typeof value === 'boolean') return t(value ? 'settings.import.on' : 'settings.import.off')
    return typeof value === 'object' ? t('settings.import.other') : String(value)
  })
  return texts.every((text) => text === texts[0]) ? (texts[0] ?? '') : texts.join(' → ')
}

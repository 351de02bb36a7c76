import { Button, Group, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import { useCommands } from '../../state/commands.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { IconPencil, IconPlus, IconTrash } from '../../ui/icons.ts'
import { useWords, type Words } from '../../words/context.tsx'
import { namesInLine } from '../alerts/incidents.ts'
import { settingNames } from './catalogue.ts'
import type { Read } from './exchange-part.tsx'
import { ImportSummary } from './import-summary.tsx'

type Difference = Read['differences'][number]

/** Values of language and theme, as their own settings show them. */
const choiceWords: Readonly<Record<string, (t: Words['t']) => string>> = {
  system: (t) => t('window.settings.system'),
  light: (t) => t('window.settings.light'),
  dark: (t) => t('window.settings.dark'),
  en: () => 'English',
  'zh-TW': () => '繁體中文',
}

const icons = { added: IconPlus, removed: IconTrash, changed: IconPencil } as const

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
            <Button color="red" loading={busy} onClick={apply}>
              {t('settings.import.action')}
            </Button>
          )}
        </Group>
      </Stack>
    </Dialog>
  )
}

function DifferenceRow({ difference }: { difference: Difference }) {
  const { kind, change, name, details } = difference
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
            {kind === 'setting' ? valuesInWords(difference, words) : details.join(t('window.list.separator'))}
          </span>
        )}
      </span>
    </li>
  )
}

/** Formats "10 → 60". Lists and objects are not shown: the old one is omitted, the new one is "as in the file". */
function valuesInWords({ name, details }: Difference, { t }: Words): string {
  const values: unknown[] = details.map((detail) => JSON.parse(detail))
  return values
    .filter((value, index) => index === values.length - 1 || typeof value !== 'object' || value === null)
    .map((value) => {
      if (value === null) return t('settings.import.none')
      if (typeof value === 'boolean') return t(value ? 'settings.import.on' : 'settings.import.off')
      if (typeof value === 'object') return t('settings.import.other')
      const choice = name === 'language' || name === 'theme' ? choiceWords[String(value)] : undefined
      return choice?.(t) ?? String(value)
    })
    .join(' → ')
}

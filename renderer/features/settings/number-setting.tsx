import { ActionIcon } from '@mantine/core'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { IconRestore } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { getLimits, parseNumber, usualNumbers } from './limits.ts'
import { SavedNumber } from './saved-number.tsx'
import type { Save } from './use-save.ts'

interface NumberSettingProps {
  field: keyof typeof usualNumbers
  label: WordKey
  hint: WordKey
  unit?: WordKey
  value: number
  save: (value: number) => ReturnType<Save>
}

/** Edits a number of the settings and shows its default; in seconds unless `unit` is given. */
export function NumberSetting({
  field,
  label,
  hint,
  unit = 'window.settings.seconds',
  value,
  save,
}: NumberSettingProps) {
  const { t, format } = useWords()
  const { least, most, whole } = getLimits(field)
  const range = { least: format.number(least), most: format.number(most) }
  const wrong = t(whole ? 'window.settings.notWhole' : 'window.settings.notNumber', range)
  const usual = `${format.number(usualNumbers[field])} ${t(unit)}`
  return (
    <SavedNumber
      label={t(label)}
      hint={t('window.sentences', { first: t(hint), second: t('settings.usual', { value: usual }) })}
      aside={
        value !== usualNumbers[field] && (
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('settings.reset', { setting: t(label), value: usual })}
            title={t('settings.reset', { setting: t(label), value: usual })}
            onClick={() => void save(usualNumbers[field])}
          >
            <IconRestore size={16} />
          </ActionIcon>
        )
      }
      unit={t(unit)}
      value={value}
      check={(typed) => (parseNumber(field, typed) === null ? wrong : null)}
      save={(typed) => save(parseNumber(field, typed) ?? value)}
    />
  )
}

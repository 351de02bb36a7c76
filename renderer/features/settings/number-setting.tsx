import { ActionIcon } from '@mantine/core'
import { type PlainSetting, plainSettings, units } from '../../../core/settings/catalog.ts'
import { IconRestore } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { getLimits, getNumberSchema, getUsual, type NumberKey, parseNumber } from './limits.ts'
import { SavedNumber } from './saved-number.tsx'
import type { Save } from './use-save.ts'

interface NumberSettingProps {
  field: NumberKey
  value: number
  save: (value: number) => ReturnType<Save>
}

/** Edits a number of the settings and shows its default. */
export function NumberSetting({ field, value, save }: NumberSettingProps) {
  const { t, format } = useWords()
  const label = t(`setting.${field}`)
  const { unit: ofNumber }: PlainSetting = plainSettings[field]
  const unit = ofNumber === undefined ? '' : t(units[ofNumber].word)
  const schema = getNumberSchema(field)
  const usualValue = getUsual(field)
  const { least, most, whole } = getLimits(schema)
  const range = { least: format.number(least), most: format.number(most) }
  const wrong = t(whole ? 'window.settings.notWhole' : 'window.settings.notNumber', range)
  const usual = `${format.number(usualValue)} ${unit}`.trim()
  return (
    <SavedNumber
      label={label}
      hint={t('window.sentences', {
        first: t(`setting.${field}.hint`),
        second: t('settings.usual', { value: usual }),
      })}
      aside={
        value !== usualValue && (
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t('settings.reset', { setting: label, value: usual })}
            title={t('settings.reset', { setting: label, value: usual })}
            onClick={() => void save(usualValue)}
          >
            <IconRestore size={16} />
          </ActionIcon>
        )
      }
      unit={unit}
      value={value}
      check={(typed) => (parseNumber(schema, typed) === null ? wrong : null)}
      save={(typed) => save(parseNumber(schema, typed) ?? value)}
    />
  )
}

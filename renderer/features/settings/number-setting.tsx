import type { WordKey } from '../../../core/words/message.ts'
import { useWords } from '../../words/context.tsx'
import { limitsOf, type NumberField, parseNumber } from './limits.ts'
import { SavedNumber } from './saved-number.tsx'
import type { Save } from './use-save.ts'

interface NumberSettingProps {
  field: NumberField
  label: WordKey
  hint: WordKey
  unit?: WordKey
  value: number
  save: (value: number) => ReturnType<Save>
}

/** A number of the settings, of seconds where nothing else is said. */
export function NumberSetting({
  field,
  label,
  hint,
  unit = 'window.settings.seconds',
  value,
  save,
}: NumberSettingProps) {
  const { t, format } = useWords()
  const { least, most, whole } = limitsOf(field)
  const range = { least: format.number(least), most: format.number(most) }
  const wrong = t(whole ? 'window.settings.notWhole' : 'window.settings.notNumber', range)
  return (
    <SavedNumber
      label={t(label)}
      hint={t(hint)}
      unit={t(unit)}
      value={value}
      check={(typed) => (parseNumber(field, typed) === null ? wrong : null)}
      save={(typed) => save(parseNumber(field, typed) ?? value)}
      allowDecimal={!whole}
    />
  )
}

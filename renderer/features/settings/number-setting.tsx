import { NumberInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { Message, WordKey } from '../../../core/words/message.ts'
import { useWords } from '../../words/context.tsx'
import { limitsOf, type NumberField, parseNumber } from './limits.ts'
import { SavedMark } from './saved-mark.tsx'
import type { Save } from './use-save.ts'

interface NumberSettingProps {
  field: NumberField
  label: WordKey
  hint: WordKey
  unit?: WordKey
  value: number
  save: (value: number) => ReturnType<Save>
}

/** A number, of seconds where nothing else is said: kept when the field is left or Enter is pressed, and only if it is allowed. */
export function NumberSetting({
  field,
  label,
  hint,
  unit = 'window.settings.seconds',
  value,
  save,
}: NumberSettingProps) {
  const { t, say, format } = useWords()
  const [typed, setTyped] = useState<string | number>(value)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)
  const limits = limitsOf(field)
  const parsed = parseNumber(field, typed)

  // Somebody else may change it too: the command line, or a second window.
  useEffect(() => setTyped(value), [value])

  const commit = async () => {
    if (parsed === null || parsed === value) return
    const outcome = await save(parsed)
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }

  const invalid =
    parsed === null
      ? t(limits.whole ? 'window.settings.notWhole' : 'window.settings.notNumber', {
          least: format.number(limits.least),
          most: format.number(limits.most),
        })
      : refusal === null
        ? null
        : say(refusal)

  return (
    <NumberInput
      label={
        <>
          {t(label)} <SavedMark at={savedAt} />
        </>
      }
      aria-label={t(label)}
      description={t(hint)}
      error={invalid}
      value={typed}
      onChange={(next) => {
        setTyped(next)
        setRefusal(null)
      }}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') void commit()
        if (event.key === 'Escape') setTyped(value)
      }}
      allowDecimal={!limits.whole}
      allowNegative={false}
      suffix={` ${t(unit)}`}
      hideControls
    />
  )
}

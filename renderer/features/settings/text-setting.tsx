import { TextInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { Message, WordKey } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'
import { SavedMark } from './saved-mark.tsx'
import type { Save } from './use-save.ts'

interface TextSettingProps {
  label: WordKey
  hint: WordKey
  longest: number
  /** Emptying the field restores the former value. */
  isRequired?: boolean
  value: string
  save: (value: string) => ReturnType<Save>
}

/** An optional line of text that is saved on leaving the field or pressing Enter. */
export function TextSetting({ label, hint, longest, isRequired = false, value, save }: TextSettingProps) {
  const { t, say } = useWords()
  const [typed, setTyped] = useState(value)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)

  // The settings may also change elsewhere: on the command line, or in a second window.
  useEffect(() => setTyped(value), [value])

  const commit = async () => {
    const next = typed.trim()
    if (next === value) return
    if (isRequired && next === '') return setTyped(value)
    const outcome = await save(next)
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }

  return (
    <TextInput
      label={
        <>
          {t(label)} <SavedMark at={savedAt} />
        </>
      }
      aria-label={t(label)}
      description={t(hint)}
      error={refusal === null ? null : say(refusal)}
      value={typed}
      maxLength={longest}
      spellCheck={false}
      onChange={(event) => {
        setTyped(event.currentTarget.value)
        setRefusal(null)
      }}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') void commit()
        if (event.key === 'Escape') setTyped(value)
      }}
    />
  )
}

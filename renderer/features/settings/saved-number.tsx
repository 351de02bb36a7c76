import { type ReactNode, useEffect, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { NumberField } from '../../ui/number-field.tsx'
import { useWords } from '../../words/context.tsx'
import { SavedMark } from './saved-mark.tsx'
import type { Save } from './use-save.ts'

interface SavedNumberProps {
  label: string
  hint: string
  unit: string
  placeholder?: string
  /** A control at the end of the field. */
  aside?: ReactNode
  /** The present value. */
  value: string | number
  /** Returns why the input is not allowed; null if it is. */
  check: (typed: string) => string | null
  /** Called only with an allowed value that differs from the present one. */
  save: (typed: string) => ReturnType<Save>
}

/** A number that is saved on leaving the field or pressing Enter, if it is allowed. */
export function SavedNumber({ label, hint, unit, aside, value, check, save, ...input }: SavedNumberProps) {
  const { say } = useWords()
  const [typed, setTyped] = useState(String(value))
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)
  const wrong = check(typed)

  // The settings may also change elsewhere: on the command line, or in a second window.
  useEffect(() => setTyped(String(value)), [value])

  const commit = async () => {
    if (wrong !== null || typed === String(value)) return
    const outcome = await save(typed)
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }

  return (
    <NumberField
      {...input}
      label={label}
      mark={<SavedMark at={savedAt} />}
      description={hint}
      error={wrong ?? (refusal === null ? null : say(refusal))}
      value={typed}
      onChange={(next) => {
        setTyped(next)
        setRefusal(null)
        setSavedAt(0)
      }}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') void commit()
        if (event.key === 'Escape') setTyped(String(value))
      }}
      unit={unit}
      aside={aside}
    />
  )
}

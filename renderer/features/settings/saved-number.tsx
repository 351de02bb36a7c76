import { NumberInput, type NumberInputProps } from '@mantine/core'
import { type ReactNode, useEffect, useState } from 'react'
import type { Message } from '../../../core/words/message.ts'
import { useWords } from '../../words/context.tsx'
import { SavedMark } from './saved-mark.tsx'
import type { Save } from './use-save.ts'

type Typed = string | number

interface SavedNumberProps extends Pick<NumberInputProps, 'allowDecimal' | 'decimalScale' | 'placeholder'> {
  label: string
  hint: string
  unit: string
  /** A control at the end of the field. */
  aside?: ReactNode
  /** As it is in force. */
  value: Typed
  /** Why this is not allowed; null: it is. */
  check: (typed: Typed) => string | null
  /** Called only with what is allowed, and differs from what is in force. */
  save: (typed: Typed) => ReturnType<Save>
}

/** A number that is kept when the field is left or Enter is pressed, and only if it is allowed. */
export function SavedNumber({ label, hint, unit, aside, value, check, save, ...input }: SavedNumberProps) {
  const { say } = useWords()
  const [typed, setTyped] = useState<Typed>(value)
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)
  const wrong = check(typed)

  // Somebody else may change it too: the command line, or a second window.
  useEffect(() => setTyped(value), [value])

  const commit = async () => {
    if (wrong !== null || String(typed) === String(value)) return
    const outcome = await save(typed)
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }

  return (
    <NumberInput
      {...input}
      label={
        <>
          {label} <SavedMark at={savedAt} />
        </>
      }
      aria-label={label}
      description={hint}
      error={wrong ?? (refusal === null ? null : say(refusal))}
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
      suffix={` ${unit}`}
      hideControls
      rightSection={aside || undefined}
    />
  )
}

import { SegmentedControl } from '@mantine/core'
import { useId, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'
import { SavedMark } from './saved-mark.tsx'
import type { Save } from './use-save.ts'

interface ChoiceSettingProps<Value extends string> {
  label: string
  value: Value
  choices: readonly { value: Value; label: string }[]
  save: (value: Value) => ReturnType<Save>
}

/** Chooses from a few values; a choice is saved at once. */
export function ChoiceSetting<Value extends string>({
  label,
  value,
  choices,
  save,
}: ChoiceSettingProps<Value>) {
  const { say } = useWords()
  const id = useId()
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)

  const choose = async (text: string) => {
    const chosen = choices.find((choice) => choice.value === text)
    if (chosen === undefined) return
    const outcome = await save(chosen.value)
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }

  return (
    <div>
      <div className="setting-label">
        <span id={id}>{label}</span> <SavedMark at={savedAt} />
      </div>
      <SegmentedControl fullWidth aria-labelledby={id} value={value} onChange={choose} data={[...choices]} />
      {refusal !== null && <p className="card-problem breakable">{say(refusal)}</p>}
    </div>
  )
}

import { Switch } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import type { Message, WordKey } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'
import { SavedMark } from './saved-mark.tsx'
import type { Save } from './use-save.ts'

interface SwitchSettingProps {
  label: WordKey
  hint: WordKey
  value: boolean
  disabled?: boolean
  save: (value: boolean) => ReturnType<Save>
  /** Shown below the switch. */
  children?: ReactNode
}

/** Switches a setting on or off; saved at once. */
export function SwitchSetting({ label, hint, value, disabled = false, save, children }: SwitchSettingProps) {
  const { t, say } = useWords()
  const [refusal, setRefusal] = useState<Message | null>(null)
  const [savedAt, setSavedAt] = useState(0)

  const set = async (next: boolean) => {
    const outcome = await save(next)
    setRefusal(outcome.done ? null : outcome.sentence)
    if (outcome.done) setSavedAt(Date.now())
  }

  return (
    <div>
      <Switch
        label={
          <>
            {t(label)} <SavedMark at={savedAt} />
          </>
        }
        aria-label={t(label)}
        description={t(hint)}
        checked={value}
        disabled={disabled}
        onChange={(event) => void set(event.currentTarget.checked)}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      {children}
      {refusal !== null && <p className="card-problem breakable">{say(refusal)}</p>}
    </div>
  )
}

import { useRef, useState } from 'react'
import type { CommandInput } from '../../../core/agent/contract.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { type Message, message } from '../../../core/lib/i18n/message.ts'
import type { Outcome } from '../../state/commands.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { useWords } from '../../words/context.tsx'
import { Setting, SettingsPart } from './found.tsx'
import { NumberSetting } from './number-setting.tsx'
import { useSave } from './use-save.ts'

const fields = ['withinDays', 'daily', 'weekly', 'monthly', 'yearly'] as const

interface Asked {
  changes: CommandInput<'changeSettings'>
  /** Describes the reduction. */
  less: Message
  answer: (outcome: Outcome) => void
}

/** Sets how long older versions are kept. A reduction has to be confirmed: it deletes versions for good. */
export function KeepPart({ settings: { keep } }: { settings: AppState['settings'] }) {
  const { t, say } = useWords()
  const save = useSave()
  const [asked, setAsked] = useState<Asked | null>(null)
  const isAnswered = useRef(false)
  // Resets the edited field to the present value.
  const [cancelled, setCancelled] = useState(0)

  const change = (field: (typeof fields)[number], value: number): Promise<Outcome> => {
    const changes = { keep: { [field]: value } }
    const before = keep[field]
    if (value >= before) return save(changes)
    const less = message(`settings.keep.less.${field}`, { count: value, before })
    return new Promise((answer) => setAsked({ changes, less, answer }))
  }
  const confirm = async () => {
    const outcome = asked === null ? null : await save(asked.changes)
    // The result is shown at the field that was edited.
    if (outcome !== null) asked?.answer(outcome)
    isAnswered.current = true
  }
  const close = () => {
    setAsked(null)
    if (!isAnswered.current) setCancelled((count) => count + 1)
    isAnswered.current = false
  }

  return (
    <SettingsPart title="settings.keep.title">
      <Setting id="keep">
        <p className="dimmed">{t('settings.keep.explain')}</p>
        <div className="keep-fields" key={cancelled}>
          {fields.map((field) => (
            <NumberSetting
              key={field}
              field={`keep.${field}`}
              value={keep[field]}
              save={(value) => change(field, value)}
            />
          ))}
        </div>
      </Setting>
      <Confirm
        opened={asked !== null}
        title={t('settings.keep.ask')}
        consequences={[...(asked === null ? [] : [say(asked.less)]), t('settings.keep.askGone')]}
        action={t('settings.keep.fewer')}
        dangerous
        onClose={close}
        onConfirm={confirm}
      />
    </SettingsPart>
  )
}

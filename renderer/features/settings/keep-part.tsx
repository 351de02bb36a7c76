import { useRef, useState } from 'react'
import type { CommandInput } from '../../../core/agent/contract.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { Outcome } from '../../state/commands.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { useWords } from '../../words/context.tsx'
import { SettingsPart } from './found.tsx'
import { NumberSetting } from './number-setting.tsx'
import { useSave } from './use-save.ts'

const fields = [
  { field: 'withinDays', name: 'within', unit: 'days' },
  { field: 'daily', name: 'daily', unit: 'days' },
  { field: 'weekly', name: 'weekly', unit: 'weeks' },
  { field: 'monthly', name: 'monthly', unit: 'months' },
  { field: 'yearly', name: 'yearly', unit: 'years' },
] as const

interface Asked {
  changes: CommandInput<'changeSettings'>
  answer: (outcome: Outcome) => void
}

/** How long it stays what a file held before it changed. Who wants less is asked first: it goes for good. */
export function KeepPart({ settings: { keep } }: { settings: AppState['settings'] }) {
  const { t } = useWords()
  const save = useSave()
  const [asked, setAsked] = useState<Asked | null>(null)
  const isAnswered = useRef(false)
  // The field that was typed in goes back to what is in force.
  const [cancelled, setCancelled] = useState(0)

  const change = (field: keyof typeof keep, value: number): Promise<Outcome> => {
    const changes = { keep: { [field]: value } }
    if (value >= keep[field]) return save(changes)
    return new Promise((answer) => setAsked({ changes, answer }))
  }
  const confirm = async () => {
    const outcome = asked === null ? null : await save(asked.changes)
    // The field that asked shows how it went.
    if (outcome !== null) asked?.answer(outcome)
    isAnswered.current = true
  }
  const close = () => {
    setAsked(null)
    if (!isAnswered.current) setCancelled((count) => count + 1)
    isAnswered.current = false
  }

  return (
    <SettingsPart title="settings.keep.title" ids={['keep']}>
      <p className="dimmed">{t('settings.keep.explain')}</p>
      <div className="keep-fields" key={cancelled}>
        {fields.map(({ field, name, unit }) => (
          <NumberSetting
            key={field}
            field={field}
            label={`settings.keep.${name}`}
            hint={`settings.keep.${name}Hint`}
            unit={`settings.keep.${unit}`}
            value={keep[field]}
            save={(value) => change(field, value)}
          />
        ))}
      </div>
      <Confirm
        opened={asked !== null}
        title={t('settings.keep.ask')}
        consequences={[t('settings.keep.askGone')]}
        action={t('settings.keep.fewer')}
        dangerous
        onClose={close}
        onConfirm={confirm}
      />
    </SettingsPart>
  )
}

import { Switch } from '@mantine/core'
import { useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { Message, WordKey } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'
import { Setting } from './found.tsx'
import { SavedMark } from './saved-mark.tsx'
import { type Save, useSave } from './use-save.ts'

type Answer = AppState['surroundings']['battery']

/** Sets whether sending pauses on battery, and on a metered network. */
export function SurroundingsPart({ settings: { send }, surroundings }: AppState) {
  const save = useSave()
  return (
    <>
      <Setting id="battery">
        <PauseSwitch
          label="window.limit.pauseOnBattery"
          hint="window.limit.pauseOnBatteryHint"
          answer={surroundings.battery}
          value={send.pauseOnBattery}
          save={(pauseOnBattery) => save({ send: { pauseOnBattery } })}
        />
      </Setting>
      <Setting id="metered">
        <PauseSwitch
          label="window.limit.pauseOnMetered"
          hint="window.limit.pauseOnMeteredHint"
          answer={surroundings.metered}
          value={send.pauseOnMetered}
          save={(pauseOnMetered) => save({ send: { pauseOnMetered } })}
        />
      </Setting>
    </>
  )
}

interface PauseSwitchProps {
  label: WordKey
  hint: WordKey
  answer: Answer
  value: boolean
  save: (value: boolean) => ReturnType<Save>
}

/** Shows a switch that can only be turned off if this system cannot determine the condition. */
function PauseSwitch({ label, hint, answer, value, save }: PauseSwitchProps) {
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
        description={t(answer === 'unsupported' ? 'settings.unsupported' : hint)}
        checked={value}
        disabled={answer === 'unsupported' && !value}
        onChange={(event) => void set(event.currentTarget.checked)}
        labelPosition="left"
        classNames={{ body: 'switch-body' }}
      />
      {value && answer === 'unknown' && (
        <p className="card-problem warn breakable">{t('window.limit.meteredUnknown')}</p>
      )}
      {refusal !== null && <p className="card-problem breakable">{say(refusal)}</p>}
    </div>
  )
}

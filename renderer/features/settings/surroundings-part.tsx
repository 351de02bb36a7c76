import type { AppState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { useWords } from '../../words/context.tsx'
import { Setting } from './found.tsx'
import { SwitchSetting } from './switch-setting.tsx'
import { type Save, useSave } from './use-save.ts'

type Answer = AppState['surroundings']['battery']

/** Sets whether sending pauses on battery, and on a metered network. */
export function SurroundingsPart({ settings: { send }, surroundings }: AppState) {
  const save = useSave()
  return (
    <>
      <Setting id="send.pauseOnBattery">
        <PauseSwitch
          label="setting.send.pauseOnBattery"
          hint="setting.send.pauseOnBattery.hint"
          answer={surroundings.battery}
          value={send.pauseOnBattery}
          save={(pauseOnBattery) => save({ send: { pauseOnBattery } })}
        />
      </Setting>
      <Setting id="send.pauseOnMetered">
        <PauseSwitch
          label="setting.send.pauseOnMetered"
          hint="setting.send.pauseOnMetered.hint"
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
  const { t } = useWords()
  return (
    <SwitchSetting
      label={label}
      hint={answer === 'unsupported' ? 'settings.unsupported' : hint}
      value={value}
      disabled={answer === 'unsupported' && !value}
      save={save}
    >
      {value && answer === 'unknown' && (
        <p className="card-problem warn breakable">{t('window.limit.meteredUnknown')}</p>
      )}
    </SwitchSetting>
  )
}

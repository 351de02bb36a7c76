import type { AppState } from '../../../core/agent/state/schema.ts'
import { Setting, SettingsPart } from '../settings/found.tsx'
import { NumberSetting } from '../settings/number-setting.tsx'
import { useSave } from '../settings/use-save.ts'
import { QuietHours } from './quiet-hours.tsx'

/** Sets when notifications are sent. */
export function TellingPart({ settings: { alerts } }: { settings: AppState['settings'] }) {
  const save = useSave()
  const { unreachableMinutes, quietHours } = alerts
  return (
    <SettingsPart title="window.telling.title">
      <Setting id="unreachable">
        <NumberSetting
          field="unreachable"
          label="window.telling.unreachable"
          hint="window.telling.unreachableHint"
          unit="window.telling.minutes"
          value={unreachableMinutes}
          save={(minutes) => save({ alerts: { unreachableMinutes: minutes } })}
        />
      </Setting>
      <Setting id="quietHours">
        <QuietHours value={quietHours} save={(hours) => save({ alerts: { quietHours: hours } })} />
      </Setting>
    </SettingsPart>
  )
}

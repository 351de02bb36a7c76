import type { AppState } from '../../../core/agent/state/schema.ts'
import { Setting, SettingsPart } from '../settings/found.tsx'
import { PlainSettings } from '../settings/plain-setting.tsx'
import { useSave } from '../settings/use-save.ts'
import { QuietHours } from './quiet-hours.tsx'

/** Sets when notifications are sent, and what all of them contain. */
export function TellingPart({ settings }: { settings: AppState['settings'] }) {
  const save = useSave()
  const { quietHours } = settings.alerts
  return (
    <SettingsPart title="window.telling.title">
      <Setting id="alerts.quietHours">
        <QuietHours value={quietHours} save={(hours) => save({ alerts: { quietHours: hours } })} />
      </Setting>
      <PlainSettings section="settings.notifications" settings={settings} />
    </SettingsPart>
  )
}

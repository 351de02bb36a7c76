import type { AppState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'
import { NumberSetting } from '../settings/number-setting.tsx'
import { TextSetting } from '../settings/text-setting.tsx'
import { useSaveAndHear } from '../settings/use-save.ts'
import { QuietHours } from './quiet-hours.tsx'

/** Of core/alert/settings.ts; the agent checks it again. */
const LONGEST_LABEL = 200

/** When something is told, and what every message says of where it comes from. */
export function TellingPart({ settings: { alerts } }: { settings: AppState['settings'] }) {
  const { t } = useWords()
  // Both labels are saved as one: the second must know of the first.
  const save = useSaveAndHear()
  const { unreachableMinutes, quietHours, labels } = alerts
  return (
    <section className="card settings" aria-label={t('window.telling.title')}>
      <h2>{t('window.telling.title')}</h2>
      <NumberSetting
        field="unreachable"
        label="window.telling.unreachable"
        hint="window.telling.unreachableHint"
        unit="window.telling.minutes"
        value={unreachableMinutes}
        save={(minutes) => save({ alerts: { unreachableMinutes: minutes } })}
      />
      <QuietHours value={quietHours} save={(hours) => save({ alerts: { quietHours: hours } })} />
      <TextSetting
        label="window.telling.project"
        hint="window.telling.projectHint"
        longest={LONGEST_LABEL}
        value={labels.project}
        save={(project) => save({ alerts: { labels: { ...labels, project } } })}
      />
      <TextSetting
        label="window.telling.resource"
        hint="window.telling.resourceHint"
        longest={LONGEST_LABEL}
        value={labels.resource}
        save={(resource) => save({ alerts: { labels: { ...labels, resource } } })}
      />
    </section>
  )
}

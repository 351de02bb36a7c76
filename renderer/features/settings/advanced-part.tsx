import type { AppState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'
import { Setting } from './found.tsx'
import { NumberSetting } from './number-setting.tsx'
import { TextSetting } from './text-setting.tsx'
import { useSave } from './use-save.ts'

/** The limit of core/alerts/settings.ts; the agent checks it too. */
const LONGEST_LABEL = 200

/** Shows rarely changed settings, collapsed; a search result expands them. */
export function AdvancedPart({ settings }: { settings: AppState['settings'] }) {
  const { t } = useWords()
  return (
    <section className="card settings" aria-label={t('settings.advanced')}>
      <details className="advanced">
        <summary>{t('settings.advanced')}</summary>
        <div className="advanced-fields">
          <Times settings={settings} />
          <Labels settings={settings} />
        </div>
      </details>
    </section>
  )
}

function Times({ settings: { check, scan, send } }: { settings: AppState['settings'] }) {
  const save = useSave()
  return (
    <>
      <Setting id="slow">
        <NumberSetting
          field="slow"
          label="window.settings.slow"
          hint="window.settings.slowHint"
          value={check.slowSeconds}
          save={(slowSeconds) => save({ check: { slowSeconds } })}
        />
      </Setting>
      <Setting id="reconcile">
        <NumberSetting
          field="reconcile"
          label="window.settings.reconcile"
          hint="window.settings.reconcileHint"
          value={scan.reconcileSeconds}
          save={(reconcileSeconds) => save({ scan: { reconcileSeconds } })}
        />
      </Setting>
      <Setting id="quiet">
        <NumberSetting
          field="quiet"
          label="window.settings.quiet"
          hint="window.settings.quietHint"
          value={scan.quietSeconds}
          save={(quietSeconds) => save({ scan: { quietSeconds } })}
        />
      </Setting>
      <Setting id="retry">
        <NumberSetting
          field="retry"
          label="window.settings.retry"
          hint="window.settings.retryHint"
          value={send.retrySeconds}
          save={(retrySeconds) => save({ send: { retrySeconds } })}
        />
      </Setting>
      <Setting id="versions">
        <NumberSetting
          field="versions"
          label="window.settings.versions"
          hint="window.settings.versionsHint"
          unit="window.settings.perHour"
          value={send.versionsPerHour}
          save={(versionsPerHour) => save({ send: { versionsPerHour } })}
        />
      </Setting>
    </>
  )
}

/** Edits the labels that every message includes. */
function Labels({ settings }: { settings: AppState['settings'] }) {
  const save = useSave()
  const { labels } = settings.alerts
  return (
    <>
      <Setting id="project">
        <TextSetting
          label="window.telling.project"
          hint="window.telling.projectHint"
          longest={LONGEST_LABEL}
          value={labels.project}
          save={(project) => save({ alerts: { labels: { project } } })}
        />
      </Setting>
      <Setting id="resource">
        <TextSetting
          label="window.telling.resource"
          hint="window.telling.resourceHint"
          longest={LONGEST_LABEL}
          value={labels.resource}
          save={(resource) => save({ alerts: { labels: { resource } } })}
        />
      </Setting>
    </>
  )
}

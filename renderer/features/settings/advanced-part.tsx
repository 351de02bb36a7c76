import type { AppState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'
import { PlainSettings } from './plain-setting.tsx'

/** Shows rarely changed settings, collapsed; a search result expands them. */
export function AdvancedPart({ settings }: { settings: AppState['settings'] }) {
  const { t } = useWords()
  return (
    <section className="card settings" aria-label={t('settings.advanced')}>
      <details className="advanced">
        <summary>{t('settings.advanced')}</summary>
        <div className="advanced-fields">
          <PlainSettings part="settings.advanced" settings={settings} />
        </div>
      </details>
    </section>
  )
}

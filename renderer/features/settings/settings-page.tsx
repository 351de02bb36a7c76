import type { AppState } from '../../../core/agent/state/schema.ts'
import { useWords } from '../../words/context.tsx'
import { Notices } from '../alerts/notices.tsx'
import { ChannelsPart } from '../channels/channels-part.tsx'
import { TellingPart } from '../channels/telling-part.tsx'
import type { Place } from '../frame/pages.ts'
import { ChoiceSetting } from './choice-setting.tsx'
import { InsidePart } from './inside-part.tsx'
import { LimitPart } from './limit-part.tsx'
import { NumberSetting } from './number-setting.tsx'
import { useSave } from './use-save.ts'

/** Everything that can be set, and how the agent's own parts are. */
export default function SettingsPage({ state, place = null }: { state: AppState; place?: Place | null }) {
  return (
    <div className="stack">
      <Notices notices={state.notices} />
      <ChannelsPart state={state} place={place} />
      <TellingPart settings={state.settings} />
      <LimitPart state={state} />
      <TimesPart settings={state.settings} />
      <WindowPart settings={state.settings} />
      <InsidePart state={state} />
    </div>
  )
}

function TimesPart({ settings: { check, scan, send } }: { settings: AppState['settings'] }) {
  const { t } = useWords()
  const save = useSave()
  return (
    <section className="card settings" aria-label={t('window.settings.times')}>
      <h2>{t('window.settings.times')}</h2>
      <NumberSetting
        field="interval"
        label="window.settings.interval"
        hint="window.settings.intervalHint"
        value={check.intervalSeconds}
        save={(intervalSeconds) => save({ check: { intervalSeconds } })}
      />
      <NumberSetting
        field="slow"
        label="window.settings.slow"
        hint="window.settings.slowHint"
        value={check.slowSeconds}
        save={(slowSeconds) => save({ check: { slowSeconds } })}
      />
      <NumberSetting
        field="reconcile"
        label="window.settings.reconcile"
        hint="window.settings.reconcileHint"
        value={scan.reconcileSeconds}
        save={(reconcileSeconds) => save({ scan: { reconcileSeconds } })}
      />
      <NumberSetting
        field="quiet"
        label="window.settings.quiet"
        hint="window.settings.quietHint"
        value={scan.quietSeconds}
        save={(quietSeconds) => save({ scan: { quietSeconds } })}
      />
      <NumberSetting
        field="retry"
        label="window.settings.retry"
        hint="window.settings.retryHint"
        value={send.retrySeconds}
        save={(retrySeconds) => save({ send: { retrySeconds } })}
      />
    </section>
  )
}

function WindowPart({ settings }: { settings: AppState['settings'] }) {
  const { t } = useWords()
  const save = useSave()
  return (
    <section className="card settings" aria-label={t('window.settings.window')}>
      <h2>{t('window.settings.window')}</h2>
      <ChoiceSetting
        label={t('window.settings.language')}
        value={settings.language}
        choices={[
          { value: 'system', label: t('window.settings.system') },
          // Each language in its own words: who cannot read this one must find theirs.
          { value: 'en', label: 'English' },
          { value: 'zh-TW', label: '繁體中文' },
        ]}
        save={(language) => save({ language })}
      />
      <ChoiceSetting
        label={t('window.settings.theme')}
        value={settings.theme}
        choices={[
          { value: 'system', label: t('window.settings.system') },
          { value: 'light', label: t('window.settings.light') },
          { value: 'dark', label: t('window.settings.dark') },
        ]}
        save={(theme) => save({ theme })}
      />
    </section>
  )
}

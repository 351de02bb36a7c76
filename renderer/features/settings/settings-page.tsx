import { CloseButton, TextInput } from '@mantine/core'
import { useEffect, useMemo } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useKeptText } from '../../state/kept-text.ts'
import { IconSearch } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { Notices } from '../alerts/notices.tsx'
import { ChannelsPart } from '../channels/channels-part.tsx'
import { TellingPart } from '../channels/telling-part.tsx'
import type { Place } from '../frame/pages.ts'
import { AdvancedPart } from './advanced-part.tsx'
import { ChoiceSetting } from './choice-setting.tsx'
import { ExchangePart } from './exchange-part.tsx'
import { findSettings } from './find.ts'
import { FoundContext, Setting, SettingsPart } from './found.tsx'
import { InsidePart } from './inside-part.tsx'
import { KeepPart } from './keep-part.tsx'
import { LimitPart } from './limit-part.tsx'
import { LoginSetting } from './login-setting.tsx'
import { NumberSetting } from './number-setting.tsx'
import { useSave } from './use-save.ts'

/** Shows all settings, the most common ones first, and the states of the agent's workers. */
export default function SettingsPage({ state, place = null }: { state: AppState; place?: Place | null }) {
  const { t } = useWords()
  const [search, setSearch] = useKeptText('settings')
  const found = useMemo(() => (search.trim() === '' ? null : findSettings(search, t)), [search, t])
  // A requested place resets the search, which might exclude it.
  useEffect(() => {
    if (place !== null) setSearch('')
  }, [place, setSearch])
  const { settings } = state
  return (
    <div className="stack">
      <Notices notices={state.notices} />
      <TextInput
        aria-label={t('settings.search')}
        placeholder={t('settings.search')}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setSearch('')
        }}
        leftSection={<IconSearch size={16} aria-hidden="true" />}
        rightSection={
          search !== '' && (
            <CloseButton aria-label={t('settings.clearSearch')} onClick={() => setSearch('')} />
          )
        }
        spellCheck={false}
      />
      <p className="dimmed setting-none" role="status">
        {found?.size === 0 && t('settings.notFound', { search: search.trim() })}
      </p>
      <FoundContext value={found}>
        <Setting id="channels">
          <ChannelsPart state={state} place={place} />
        </Setting>
        <TellingPart settings={settings} />
        <ApplicationPart settings={settings} />
        <LimitPart state={state} />
        <CheckingPart settings={settings} />
        <KeepPart settings={settings} />
        <AdvancedPart settings={settings} />
        <ExchangePart settings={settings} />
        <Setting id="inside">
          <InsidePart state={state} />
        </Setting>
      </FoundContext>
    </div>
  )
}

function CheckingPart({ settings: { check } }: { settings: AppState['settings'] }) {
  const save = useSave()
  return (
    <SettingsPart title="settings.checking" ids={['interval']}>
      <NumberSetting
        field="interval"
        label="window.settings.interval"
        hint="window.settings.intervalHint"
        value={check.intervalSeconds}
        save={(intervalSeconds) => save({ check: { intervalSeconds } })}
      />
    </SettingsPart>
  )
}

function ApplicationPart({ settings }: { settings: AppState['settings'] }) {
  const { t } = useWords()
  const save = useSave()
  return (
    <SettingsPart title="settings.application" ids={['language', 'theme', 'login']}>
      <Setting id="language">
        <ChoiceSetting
          label={t('window.settings.language')}
          value={settings.language}
          choices={[
            { value: 'system', label: t('window.settings.system') },
            // Each language is named in itself, so that users who cannot read the present one find theirs.
            { value: 'en', label: 'English' },
            { value: 'zh-TW', label: '繁體中文' },
          ]}
          save={(language) => save({ language })}
        />
      </Setting>
      <Setting id="theme">
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
      </Setting>
      <Setting id="login">
        <LoginSetting />
      </Setting>
    </SettingsPart>
  )
}

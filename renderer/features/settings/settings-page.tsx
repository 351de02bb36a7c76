import { CloseButton, TextInput } from '@mantine/core'
import { useEffect, useMemo, useRef, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { DesktopOnly, useIsPage } from '../../state/desktop-only.tsx'
import { useKeptText } from '../../state/kept-text.ts'
import { IconSearch } from '../../ui/icons.ts'
import { useWords } from '../../words/context.tsx'
import { Notices } from '../alerts/notices.tsx'
import { ChannelsPart } from '../channels/channels-part.tsx'
import { TellingPart } from '../channels/telling-part.tsx'
import type { Place } from '../frame/pages.ts'
import { HelpPart } from '../help/help-part.tsx'
import { AdvancedPart } from './advanced-part.tsx'
import { type EntryId, settingsCatalog } from './catalog.ts'
import { ChangesPart } from './changes-part.tsx'
import { EventsPart } from './events-part.tsx'
import { ExchangePart } from './exchange-part.tsx'
import { findEntries } from './find.ts'
import { FoundList, Setting, SettingsPart } from './found.tsx'
import { showSetting } from './go-to.ts'
import { InsidePart } from './inside-part.tsx'
import { KeepPart } from './keep-part.tsx'
import { LimitPart } from './limit-part.tsx'
import { LoginSetting } from './login-setting.tsx'
import { NetworkPart } from './network-part.tsx'
import { PlainSettings } from './plain-setting.tsx'
import { ReportPart } from './report-part.tsx'
import { WebPart } from './web-part.tsx'

/** The place that focuses the search field. */
export const SEARCH = 'search'

/** Shows all settings, the most common ones first, the states of the agent's workers, and help. */
export default function SettingsPage({ state, place = null }: { state: AppState; place?: Place | null }) {
  const { t, language } = useWords()
  const [search, setSearch] = useKeptText('settings')
  const field = useRef<HTMLInputElement>(null)
  const results = useRef<HTMLDivElement>(null)
  const isPage = useIsPage()
  const found = useMemo(
    () => findEntries(search, language).filter((id) => !(isPage && settingsCatalog.get(id)?.isOfDesktop)),
    [search, language, isPage],
  )
  const isSearching = search.trim() !== ''
  const [chosen, setChosen] = useState<{ search: string; id: EntryId | null }>({ search, id: null })
  if (chosen.search !== search) setChosen({ search, id: null })
  const places = chosen.id === null ? null : settingsCatalog.get(chosen.id)?.getTargets(state, t)
  // The results would hide a requested place.
  useEffect(() => {
    if (place === null) return
    setSearch('')
    void showSetting(place.id)
  }, [place, setSearch])
  const clear = () => {
    setSearch('')
    field.current?.focus()
  }
  const { settings } = state
  return (
    <div className="stack">
      <Notices notices={state.notices} />
      <TextInput
        ref={field}
        data-setting={SEARCH}
        aria-label={t('settings.search')}
        placeholder={t('settings.search')}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
        onKeyDown={(event) => {
          const first = results.current?.querySelector('button')
          if (event.key === 'Escape') setSearch('')
          else if (event.key === 'ArrowDown') first?.focus()
          else if (event.key === 'Enter' && !event.nativeEvent.isComposing) first?.click()
          else return
          event.preventDefault()
        }}
        leftSection={<IconSearch size={16} aria-hidden="true" />}
        rightSection={search !== '' && <CloseButton aria-label={t('settings.clearSearch')} onClick={clear} />}
        spellCheck={false}
      />
      <p className="dimmed setting-none" role="status">
        {isSearching &&
          (found.length === 0
            ? t('settings.notFound')
            : t('settings.search.count', { count: (places ?? found).length }))}
      </p>
      {isSearching && (
        // biome-ignore lint/a11y/noStaticElementInteractions: the keys of the list's entries bubble to it.
        <div
          ref={results}
          onKeyDown={(event) => {
            const isFirst = event.key === 'ArrowUp' && !event.defaultPrevented
            if (event.key === 'Escape') clear()
            else if (isFirst) field.current?.focus()
            else return
            event.preventDefault()
          }}
        >
          <FoundList
            search={search.trim()}
            ids={found}
            chosen={chosen.id}
            onChoose={(id) => setChosen({ search, id })}
            state={state}
            onLeave={() => setSearch('')}
          />
        </div>
      )}
      {/* Stays mounted when hidden, to keep unsaved input. */}
      <div className="stack-inner" hidden={isSearching}>
        <Setting id="channels">
          <ChannelsPart state={state} />
        </Setting>
        <TellingPart settings={settings} />
        <ReportPart settings={settings} />
        <ApplicationPart settings={settings} />
        <LimitPart state={state} />
        <CheckingPart settings={settings} />
        <KeepPart settings={settings} />
        <AdvancedPart settings={settings} />
        <NetworkPart state={state} />
        <WebPart state={state} />
        <EventsPart state={state} />
        <ExchangePart settings={settings} />
        <ChangesPart />
        <Setting id="inside">
          <InsidePart state={state} />
        </Setting>
        <HelpPart version={state.version} />
      </div>
    </div>
  )
}

function CheckingPart({ settings }: { settings: AppState['settings'] }) {
  return (
    <SettingsPart title="settings.checking">
      <PlainSettings part="settings.checking" settings={settings} />
    </SettingsPart>
  )
}

function ApplicationPart({ settings }: { settings: AppState['settings'] }) {
  return (
    <SettingsPart title="settings.application">
      <PlainSettings part="settings.application" settings={settings} />
      <DesktopOnly>
        <Setting id="login">
          <LoginSetting />
        </Setting>
      </DesktopOnly>
    </SettingsPart>
  )
}

import { CloseButton, NativeSelect, TextInput, UnstyledButton } from '@mantine/core'
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { type Section, sections } from '../../../core/settings/catalog.ts'
import { DesktopOnly, useIsPage } from '../../state/desktop-only.tsx'
import { useKeptText } from '../../state/kept-text.ts'
import { IconSearch } from '../../ui/icons.ts'
import { RovingList } from '../../ui/roving-list.tsx'
import { useWords } from '../../words/context.tsx'
import { Notices } from '../alerts/notices.tsx'
import { ChannelsPart } from '../channels/channels-part.tsx'
import { TellingPart } from '../channels/telling-part.tsx'
import type { SettingPlace } from '../frame/pages.ts'
import { HelpContent } from '../help/help-part.tsx'
import { type EntryId, findSection, settingsCatalog } from './catalog.ts'
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

const contents: Record<Section, (state: AppState) => ReactNode> = {
  'settings.general': ({ settings }) => (
    <>
      <SettingsPart title="settings.general">
        <PlainSettings section="settings.general" settings={settings} />
        <DesktopOnly>
          <Setting id="login">
            <LoginSetting />
          </Setting>
        </DesktopOnly>
      </SettingsPart>
      <ExchangePart settings={settings} />
      <ChangesPart />
    </>
  ),
  'settings.notifications': (state) => (
    <>
      <Setting id="channels">
        <ChannelsPart state={state} />
      </Setting>
      <TellingPart settings={state.settings} />
    </>
  ),
  'settings.checking': ({ settings }) => (
    <SettingsPart title="settings.checking">
      <PlainSettings section="settings.checking" settings={settings} />
    </SettingsPart>
  ),
  'settings.sending': (state) => <LimitPart state={state} />,
  'settings.keep.title': ({ settings }) => <KeepPart settings={settings} />,
  'settings.network.title': (state) => (
    <>
      <NetworkPart state={state} />
      <WebPart state={state} />
    </>
  ),
  'settings.reporting': (state) => (
    <>
      <ReportPart settings={state.settings} />
      <EventsPart state={state} />
    </>
  ),
  'window.help': (state) => (
    <>
      <SettingsPart title="window.help">
        <HelpContent version={state.version} />
      </SettingsPart>
      <Setting id="inside">
        <InsidePart state={state} />
      </Setting>
    </>
  ),
}

export function SectionContent({ section, state }: { section: Section; state: AppState }) {
  return contents[section](state)
}

/** Shows one section of the settings, or the results of a search over all of them. */
export default function SettingsPage({
  state,
  place = null,
}: {
  state: AppState
  place?: SettingPlace | null
}) {
  const { t, language } = useWords()
  const [search, setSearch] = useKeptText('settings')
  const [kept, setSection] = useKeptText('section')
  const section = findSection(kept) ?? sections[0]
  const [visited, setVisited] = useState([section])
  if (!visited.includes(section)) setVisited([...visited, section])
  const top = useRef<HTMLDivElement>(null)
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
    const wanted = findSection(place.id)
    if (wanted !== undefined) setSection(wanted)
    if (wanted !== place.id) void showSetting(place.id)
  }, [place, setSearch, setSection])
  const choose = (wanted: string) => {
    setSection(wanted)
    top.current?.scrollIntoView()
  }
  const clear = () => {
    setSearch('')
    field.current?.focus()
  }
  return (
    <div className="stack" ref={top}>
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
      {/* What was shown stays mounted when hidden, to keep unsaved input. */}
      <div className="sections" hidden={isSearching}>
        <NativeSelect
          aria-label={t('settings.sections')}
          value={section}
          onChange={(event) => choose(event.currentTarget.value)}
          data={sections.map((value) => ({ value, label: t(value) }))}
        />
        <nav aria-label={t('settings.sections')}>
          <RovingList className="found" entry="li">
            <ul>
              {sections.map((one) => (
                <li key={one}>
                  <UnstyledButton
                    className="found-entry"
                    aria-current={one === section}
                    onClick={() => choose(one)}
                  >
                    {t(one)}
                  </UnstyledButton>
                </li>
              ))}
            </ul>
          </RovingList>
        </nav>
        {visited.map((one) => (
          <div key={one} className="stack-inner" hidden={one !== section}>
            <SectionContent section={one} state={state} />
          </div>
        ))}
      </div>
    </div>
  )
}

import { Badge, Skeleton, Tabs, useMantineColorScheme } from '@mantine/core'
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react'
import type { Events } from '../../../core/agent/contract.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { useBridge, useView } from '../../state/bridge.tsx'
import { CommandsProvider } from '../../state/commands.tsx'
import { useWords, WordsProvider } from '../../words/context.tsx'
import { nearestLanguage } from '../../words/dictionaries.ts'
import { AlertsPage } from '../alerts/alerts-page.tsx'
import { OverviewPage } from '../overview/overview-page.tsx'
import { TransfersPage } from '../transfers/transfers-page.tsx'
import { DropZone } from './drop-zone.tsx'
import { FeedbackBar } from './feedback-bar.tsx'
import { Header } from './header.tsx'

/** The settings bring their schema along; nobody waits for it at the start. */
const SettingsPage = lazy(() => import('../settings/settings-page.tsx'))

type Page = Events['show']['page']
const pages: readonly Page[] = ['overview', 'transfers', 'alerts', 'settings']
/** Something may be half typed in them: while another page is shown they stay as they are, and ask for nothing. */
const keptPages: readonly Page[] = ['overview', 'settings']

/** The whole window: it shows its frame at once, and the agent's state as soon as it is known. */
export function HoldfastWindow() {
  const { snapshot, unreachable } = useView()
  const state = snapshot?.state ?? null
  const chosen = state?.settings.language ?? 'system'
  const language = chosen === 'system' ? nearestLanguage(navigator.language) : chosen
  useTheme(state?.settings.theme ?? null)

  return (
    <WordsProvider language={language}>
      <CommandsProvider>
        <div className="window">
          <Header state={state} unreachable={unreachable} />
          <PageTabs state={state} />
          <FeedbackBar />
          <DropZone />
        </div>
      </CommandsProvider>
    </WordsProvider>
  )
}

function useTheme(theme: AppState['settings']['theme'] | null): void {
  const { setColorScheme } = useMantineColorScheme()
  useEffect(() => {
    if (theme !== null) setColorScheme(theme === 'system' ? 'auto' : theme)
  }, [theme, setColorScheme])
}

function PageTabs({ state }: { state: AppState | null }) {
  const { t } = useWords()
  const bridge = useBridge()
  const [page, setPage] = useState<Page>('overview')
  const [visited, setVisited] = useState<readonly Page[]>([page])
  if (!visited.includes(page)) setVisited([...visited, page])
  useEffect(() => bridge.on('show', (wanted) => setPage(wanted.page)), [bridge])

  const show = (value: string | null) => {
    const wanted = pages.find((name) => name === value)
    if (wanted !== undefined) setPage(wanted)
  }
  return (
    <Tabs value={page} onChange={show} keepMounted={false} className="tabs">
      <Tabs.List grow>
        <Tabs.Tab value="overview">{t('window.overview')}</Tabs.Tab>
        <Tabs.Tab value="transfers" rightSection={state && <TransfersCount state={state} />}>
          {t('window.transfers')}
        </Tabs.Tab>
        <Tabs.Tab value="alerts" rightSection={state && <AlertsCount state={state} />}>
          {t('window.alerts')}
        </Tabs.Tab>
        <Tabs.Tab value="settings">{t('window.settings')}</Tabs.Tab>
      </Tabs.List>
      {pages.map((name) => (
        <Tabs.Panel
          key={name}
          value={name}
          keepMounted={keptPages.includes(name)}
          className="page"
          tabIndex={-1}
        >
          {state === null ? <Waiting /> : visited.includes(name) && <PageContent page={name} state={state} />}
        </Tabs.Panel>
      ))}
    </Tabs>
  )
}

function PageContent({ page, state }: { page: Page; state: AppState }): ReactNode {
  switch (page) {
    case 'overview':
      return <OverviewPage state={state} />
    case 'transfers':
      return <TransfersPage state={state} />
    case 'alerts':
      return <AlertsPage state={state} />
    case 'settings':
      return (
        <Suspense fallback={<Waiting />}>
          <SettingsPage state={state} />
        </Suspense>
      )
    default:
      return page satisfies never
  }
}

/** The places of what is to come, before it is there. */
function Waiting() {
  return (
    <div aria-hidden="true" className="stack">
      <Skeleton height={96} radius="md" animate={false} />
      <Skeleton height={96} radius="md" animate={false} />
    </div>
  )
}

/** Parked files need a person; waiting ones are worth a number. */
function TransfersCount({ state }: { state: AppState }) {
  const { format, t } = useWords()
  const { parkedFiles, waitingFiles } = state.totals
  if (parkedFiles > 0) {
    return (
      <Badge size="sm" color="red" variant="filled" title={t('window.count.parked', { count: parkedFiles })}>
        {format.compact(parkedFiles)}
      </Badge>
    )
  }
  if (waitingFiles === 0) return null
  return (
    <Badge size="sm" color="gray" variant="light" title={t('window.count.waiting', { count: waitingFiles })}>
      {format.compact(waitingFiles)}
    </Badge>
  )
}

function AlertsCount({ state }: { state: AppState }) {
  const { format, t } = useWords()
  const lasting = state.incidents.filter(({ endedAt }) => endedAt === null).length
  if (lasting === 0) return null
  return (
    <Badge size="sm" color="red" variant="filled" title={t('window.alerts.lasting', { count: lasting })}>
      {format.compact(lasting)}
    </Badge>
  )
}

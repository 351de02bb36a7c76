import { Badge, Skeleton, Tabs, useMantineColorScheme } from '@mantine/core'
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useMemo, useState } from 'react'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useBridge, useView } from '../../state/bridge.tsx'
import { CommandsProvider } from '../../state/commands.tsx'
import { DesktopOnly } from '../../state/desktop-only.tsx'
import { useNotedRate } from '../../state/rates.ts'
import { useShowing } from '../../state/showing.ts'
import { pressBack } from '../../ui/use-escape.ts'
import { useWords, WordsProvider } from '../../words/context.tsx'
import { nearestLanguage } from '../../words/dictionaries.ts'
import { FilePagesContext, type Wanted } from '../file/open-file.ts'
import { OverviewPage } from '../overview/overview-page.tsx'
import { TransfersPage } from '../transfers/transfers-page.tsx'
import { DropZone } from './drop-zone.tsx'
import { FeedbackBar } from './feedback-bar.tsx'
import { Header } from './header.tsx'
import { type Page, PagesContext, type Place } from './pages.ts'
import { useShortcuts } from './use-shortcuts.ts'

/** Loaded on demand: not needed at the start, and the settings include their schema. */
const AlertsPage = lazy(() => import('../alerts/alerts-page.tsx'))
const DestinationsPage = lazy(() => import('../destinations/destinations-page.tsx'))
const SettingsPage = lazy(() => import('../settings/settings-page.tsx'))
const FileDialog = lazy(() => import('../file/file-dialog.tsx'))

const pages: readonly Page[] = ['overview', 'transfers', 'destinations', 'alerts', 'settings']
/** These pages may contain unsaved input: they stay mounted while another page is shown, and request nothing then. */
const keptPages: readonly Page[] = ['overview', 'destinations', 'settings']

/**
 * The window: shows its frame at once, and the agent's state after it is loaded.
 * @param children dialogs and notes of a page in a browser
 */
export function HoldfastWindow({ children }: { children?: ReactNode }) {
  const { snapshot, unreachable } = useView()
  const state = snapshot?.state ?? null
  const chosen = state?.settings.language ?? 'system'
  const language = chosen === 'system' ? nearestLanguage(navigator.language) : chosen
  useTheme(state?.settings.theme ?? null)

  return (
    <WordsProvider language={language}>
      <CommandsProvider>
        <div className="window">
          <Body state={state} unreachable={unreachable} />
          <FeedbackBar />
          <DesktopOnly>
            <DropZone />
          </DesktopOnly>
          {children}
        </div>
      </CommandsProvider>
    </WordsProvider>
  )
}

function useTheme(theme: AppState['settings']['theme'] | null): void {
  const { colorScheme, setColorScheme } = useMantineColorScheme()
  useEffect(() => {
    const wanted = theme === 'system' ? 'auto' : theme
    // Setting the present value again would rebuild all styles of the window.
    if (wanted !== null && wanted !== colorScheme) setColorScheme(wanted)
  }, [theme, colorScheme, setColorScheme])
}

interface BodyProps {
  state: AppState | null
  unreachable: Message | null
}

/** Header and pages: either may open a page. */
function Body({ state, unreachable }: BodyProps) {
  const bridge = useBridge()
  const [{ page, place }, setShown] = useState<{ page: Page; place: Place | null }>({
    page: 'overview',
    place: null,
  })
  const open = useCallback((wanted: Page, at?: Place) => setShown({ page: wanted, place: at ?? null }), [])
  useEffect(
    () =>
      bridge.on('show', ({ page: wanted, incident, code }) => {
        if (code !== undefined) open(wanted, { kind: 'pair', code })
        else open(wanted, incident ? { kind: 'incident', id: incident } : undefined)
      }),
    [bridge, open],
  )
  return (
    <PagesContext value={open}>
      <FilePages state={state}>
        <div className="window-body">
          <Header state={state} unreachable={unreachable} />
          <main id="main" className="main">
            <PageTabs state={state} page={page} place={place} open={open} />
          </main>
        </div>
      </FilePages>
    </PagesContext>
  )
}

/** Shows the page of a file above any other page. */
function FilePages({ state, children }: { state: AppState | null; children: ReactNode }) {
  const [file, setFile] = useState<{ path: string; wanted: Wanted; opening: number } | null>(null)
  const [isOpen, setOpen] = useState(false)
  const open = useCallback((path: string, wanted: Wanted) => {
    setFile((last) => ({ path, wanted, opening: (last?.opening ?? 0) + 1 }))
    setOpen(true)
  }, [])
  const sources = state?.settings.sources
  const pages = useMemo(
    () => ({ open, folders: new Map(sources?.map(({ id, path }) => [id, path])) }),
    [open, sources],
  )
  return (
    <FilePagesContext value={pages}>
      {children}
      {state !== null && file !== null && (
        <Suspense fallback={null}>
          <FileDialog
            key={file.opening}
            {...file}
            state={state}
            opened={isOpen}
            onClose={() => setOpen(false)}
            onOpen={(path) => open(path, 'where')}
          />
        </Suspense>
      )}
    </FilePagesContext>
  )
}

interface PageTabsProps {
  state: AppState | null
  page: Page
  place: Place | null
  open: (page: Page) => void
}

function PageTabs({ state, page, place, open }: PageTabsProps) {
  const { t } = useWords()
  const [visited, setVisited] = useState<readonly Page[]>([page])
  if (!visited.includes(page)) setVisited([...visited, page])
  useNotedRate(state?.rate ?? 0)
  useShowing(page)
  useShortcuts(open)

  const show = (value: string | null) => {
    const wanted = pages.find((name) => name === value)
    if (wanted === page) pressBack()
    else if (wanted !== undefined) open(wanted)
  }
  return (
    <Tabs value={page} onChange={show} keepMounted={false} className="tabs">
      <Tabs.List grow>
        <Tabs.Tab value="overview">{t('window.overview')}</Tabs.Tab>
        <Tabs.Tab value="transfers" rightSection={state && <TransfersCount state={state} />}>
          {t('window.transfers')}
        </Tabs.Tab>
        <Tabs.Tab value="destinations">{t('window.destinations')}</Tabs.Tab>
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
          {state === null ? (
            <Waiting />
          ) : (
            visited.includes(name) && (
              <PageContent page={name} state={state} place={name === page ? place : null} />
            )
          )}
        </Tabs.Panel>
      ))}
    </Tabs>
  )
}

interface PageContentProps {
  page: Page
  state: AppState
  /** The request that the page answers. */
  place: Place | null
}

function PageContent({ page, state, place }: PageContentProps): ReactNode {
  switch (page) {
    case 'overview':
      return <OverviewPage state={state} />
    case 'transfers':
      return <TransfersPage state={state} />
    case 'destinations':
      return (
        <Suspense fallback={<Waiting />}>
          <DestinationsPage
            state={state}
            place={place?.kind === 'restore' || place?.kind === 'pair' ? place : null}
          />
        </Suspense>
      )
    case 'alerts':
      return (
        <Suspense fallback={<Waiting />}>
          <AlertsPage state={state} place={place?.kind === 'incident' ? place : null} />
        </Suspense>
      )
    case 'settings':
      return (
        <Suspense fallback={<Waiting />}>
          <SettingsPage state={state} place={place?.kind === 'setting' ? place : null} />
        </Suspense>
      )
    default:
      return page satisfies never
  }
}

/** Placeholders while the content is loading. */
function Waiting() {
  return (
    <div aria-hidden="true" className="stack">
      <Skeleton height={96} radius="md" animate={false} />
      <Skeleton height={96} radius="md" animate={false} />
    </div>
  )
}

/** Shows the number of parked files, which require an action; otherwise of waiting ones. */
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
  // As grave as the header.
  const color = state.status.level === 'failing' ? 'red' : 'orange'
  return (
    <Badge size="sm" color={color} variant="filled" title={t('window.alerts.lasting', { count: lasting })}>
      {format.compact(lasting)}
    </Badge>
  )
}

import { MantineProvider } from '@mantine/core'
import { renderToStaticMarkup } from 'react-dom/server'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { sections } from '../../../core/settings/catalog.ts'
import { type WebRole, webSettingsSchema } from '../../../core/settings/schema.ts'
import DestinationsPage from '../../../renderer/features/destinations/destinations-page.tsx'
import { HoldfastWindow } from '../../../renderer/features/frame/window.tsx'
import { OverviewPage } from '../../../renderer/features/overview/overview-page.tsx'
import { SectionContent } from '../../../renderer/features/settings/settings-page.tsx'
import { TransfersPage } from '../../../renderer/features/transfers/transfers-page.tsx'
import WhereStep from '../../../renderer/features/welcome/where-step.tsx'
import { BridgeProvider } from '../../../renderer/state/bridge.tsx'
import { theme } from '../../../renderer/ui/theme.ts'
import { stopClock } from '../../support/time.ts'
import { destinationState, emptyState, sourceState } from './fake-state.ts'
import { renderMarkup, renderWords, silentBridge } from './rendered.tsx'

stopClock(new Date(2026, 10, 22, 14, 30))

const receiver = destinationState('embedded', { name: 'nas-2', address: 'nas-2.lan:7766' })
const photos = sourceState('Photos', '/srv/ada/photos')
const pages: [string, (state: AppState) => React.ReactNode][] = [
  ['overview', (state) => <OverviewPage state={state} />],
  ['transfers', (state) => <TransfersPage state={state} />],
  ['destinations', (state) => <DestinationsPage state={state} place={null} />],
  ...sections.map((section): (typeof pages)[number] => [
    section,
    (state) => <SectionContent section={section} state={state} />,
  ]),
]

describe('the word "safe"', () => {
  const embedded = emptyState({ sources: [photos], totals: photos.totals })

  test('files on this computer are called copied, with their location and "Add destination"', () => {
    const words = renderWords(<OverviewPage state={embedded} />)
    expect(words).toContain('8,120 copied here')
    expect(words).toContain('/srv/ada/.local/share/holdfast/store')
    expect(words).toContain('Add destination')
  })

  test.each(pages)('the %s page never calls a copy in the embedded store safe', (_name, page) => {
    const claims = renderWords(page(embedded)).replace(/to make (them|files) safe/g, '')
    expect(claims).not.toMatch(/\bsafe\b/i)
    expect(renderWords(page(embedded), 'zh-TW')).not.toMatch(/\d 個已安全送達/)
  })

  test('files at a receiver are called safe', () => {
    const words = renderWords(<OverviewPage state={{ ...embedded, destinations: [receiver] }} />)
    expect(words).toContain('8,120 safe')
    expect(words).toContain('nas-2')
    expect(words).not.toContain('on this computer only')
  })
})

test('window without sources: the counts are zero, and the overview does not mention "safe"', () => {
  expect(renderWords(<TransfersPage state={emptyState()} />)).toContain('Copied here 0')
  expect(renderWords(<TransfersPage state={emptyState({ destinations: [receiver] })} />)).toContain('Safe 0')
  const both = [...photos.destinations, ...photos.destinations]
  const several = emptyState({ sources: [{ ...photos, destinations: both }] })
  expect(renderWords(<TransfersPage state={several} />)).toContain('Done 0')
  const first = renderWords(<OverviewPage state={emptyState()} />)
  expect(first).not.toMatch(/\bsafe\b/i)
  expect(first).toContain('Copying begins at once.')
  expect(first).toContain('To keep the files of other computers here, open Destinations.')
})

test('pause conditions: an unsupported condition is disabled with a note, unless it is already switched on', () => {
  const none = { battery: 'unsupported' as const, metered: 'unsupported' as const }
  const unsupported = (words: string) => words.split('Not supported on this system').length - 1
  const page = (surroundings: AppState['surroundings'], pauseOnMetered = false) => {
    const { settings } = emptyState()
    const send = { ...settings.send, pauseOnMetered }
    const state = emptyState({ surroundings, settings: { ...settings, send } })
    return <SectionContent section="settings.sending" state={state} />
  }
  const disabled = (node: React.ReactNode) =>
    renderMarkup(node).match(/<input[^>]*aria-label="Pause [^>]*disabled=""/g)?.length ?? 0
  expect([unsupported(renderWords(page(none))), disabled(page(none))]).toEqual([2, 2])
  // Whoever has brought it along with other settings can take it back.
  expect(disabled(page(none, true))).toBe(1)
  const asked = { battery: 'unasked' as const, metered: 'unknown' as const }
  expect([unsupported(renderWords(page(asked, true))), disabled(page(asked, true))]).toEqual([0, 0])
  expect(renderWords(page(asked, true))).toContain('NetworkManager does not report')
})

describe('several destinations', () => {
  const settings = {
    ...emptyState().settings,
    destinations: ['nas', 'cellar'].map((id) => ({
      id,
      kind: 'receiver' as const,
      name: id,
      host: `${id}.lan`,
      port: 7766,
      fingerprint: 'a'.repeat(64),
    })),
  }
  const unreachable = { state: 'unreachable' as const, since: 0, problem: null }
  const nas = destinationState('nas')
  const cellar = destinationState('cellar', {
    connection: unreachable,
    totals: { ...photos.totals, waitingFiles: 3, waitingBytes: 3 * 1024 },
  })
  const source = sourceState('Photos', '/srv/ada/photos', {
    destinations: [nas, cellar].map(({ id, totals }) => ({
      id,
      totals,
      rate: 0,
      left: null,
      reported: true,
    })),
  })
  const state = emptyState({
    settings,
    destinations: [nas, cellar],
    sources: [source],
    totals: source.totals,
    status: { level: 'attention', sentence: message('status.unreachable', { name: 'cellar' }), detail: null },
  })

  test('the second step of the first run no longer calls the destination missing', () => {
    const step = (given: AppState) => renderWords(<WhereStep state={given} nav={null} />)
    const one = { ...settings, sources: [source.settings] }
    expect(step({ ...state, settings: { ...one, destinations: [] } })).toContain('Without a destination')
    expect(step({ ...state, settings: one })).toContain('You can add another destination now or later.')
    expect(step({ ...state, settings: one })).not.toContain('Without a destination')
  })

  test('the overview card names the unreachable destination, and counts the files that all of them have', () => {
    const words = renderWords(<OverviewPage state={state} />)
    expect(words).toContain('8,120 at all destinations')
    expect(renderMarkup(<OverviewPage state={state} />)).toMatch(
      /data-level="attention"[^>]*cellar · Unreachable: nothing can be sent there now/,
    )
    expect(words).toContain('· at nas and cellar')
  })

  test('the destinations page lists each destination with its waiting files', () => {
    const words = renderWords(<DestinationsPage state={state} place={null} />)
    // A destination that is well has its line alone.
    expect(words).toMatch(/\[nas\] nas connected · /)
    expect(words).not.toContain('nas.lan:7766')
    expect(words).toMatch(/cellar Unreachable.*cellar\.lan:7766 3 waiting · 3 KiB/)
    expect(words).toContain('[Actions for cellar]')
    expect(renderWords(<SectionContent section="window.help" state={state} />)).toContain('Sender → cellar')
    const one = { ...state, destinations: [nas] }
    expect(renderWords(<SectionContent section="window.help" state={one} />)).not.toContain('→')
  })

  test('a transfer shows its destination only if there are several', () => {
    const transfer = {
      id: 1,
      source: source.settings.id,
      path: 'a',
      size: 9,
      sentBytes: 3,
      destination: 'cellar',
    }
    const words = renderWords(<TransfersPage state={{ ...state, transfers: [transfer] }} />)
    expect(words).toContain('→ cellar')
    const one = { ...state, destinations: [nas], transfers: [{ ...transfer, destination: 'nas' }] }
    expect(renderWords(<TransfersPage state={one} />)).not.toContain('→')
  })
})

describe('transfers page', () => {
  test('parked files are counted on a retry button', () => {
    const totals = { ...photos.totals, parkedFiles: 1000 }
    const words = renderWords(<TransfersPage state={emptyState({ sources: [photos], totals })} />)
    expect(words).toContain('Retry 1,000 parked files')
  })

  test('the path of a file in transfer whose folder is not known can be copied', () => {
    const transfer = {
      id: 1,
      source: photos.settings.id,
      path: 'a/b.jpg',
      size: 9,
      sentBytes: 3,
      destination: 'embedded',
    }
    const words = renderWords(
      <TransfersPage state={emptyState({ sources: [photos], transfers: [transfer] })} />,
    )
    expect(words).toContain('[Copy path a/b.jpg]')
  })

  test('the retry button is hidden without parked files', () => {
    expect(renderWords(<TransfersPage state={emptyState({ sources: [photos] })} />)).not.toContain('Retry')
  })
})

test('settings page: a restarting worker is shown with its number of restarts', () => {
  const state = emptyState()
  state.workers.scanner = { condition: 'restarting', restarts: 2, since: Date.now(), pid: 7 }
  const words = renderWords(<SectionContent section="window.help" state={state} />)
  expect(words).toMatch(/Scanner restarting · restarted 2 times/)
})

test('settings page: the web page is shown with its address or its problem, and tokens with their access', () => {
  const { settings } = emptyState()
  const web = webSettingsSchema.parse({ on: true, host: '192.0.2.7' })
  const token = (name: string, role: WebRole) => ({
    ...{ id: name, name, role },
    ...{ digest: 'a'.repeat(64), createdAt: Date.now() },
  })
  const page = (served: AppState['web'], webTokens = [token('ada', 'operator'), token('wall', 'viewer')]) =>
    renderWords(
      <SectionContent
        section="settings.network.title"
        state={emptyState({ web: served, settings: { ...settings, web, webTokens } })}
      />,
    )
  const works = page({ address: 'https://nas-2:8420/', certificate: '5f'.repeat(32), problem: null })
  expect(works).toContain('https://nas-2:8420/')
  // An address that the command line has set is a choice, too.
  expect(works).toContain('192.0.2.7')
  expect(works).toMatch(/ada.*may change settings and files.*wall.*may view/)
  const problem = message('web.cannotListen', { address: '192.0.2.7:8420', reason: 'EADDRINUSE' })
  expect(page({ address: null, certificate: null, problem })).toContain('cannot be served on 192.0.2.7:8420')
  expect(page(null, [])).toContain('Nobody can sign in yet.')
  const off = <SectionContent section="settings.network.title" state={emptyState()} />
  expect(renderWords(off)).not.toContain('Nobody can sign in yet.')
})

test('window: the frame and a loading text are shown before the first snapshot', () => {
  vi.stubGlobal('navigator', { language: 'en-GB' })
  onTestFinished(() => void vi.unstubAllGlobals())
  const words = renderToStaticMarkup(
    <MantineProvider theme={theme}>
      <BridgeProvider bridge={silentBridge}>
        <HoldfastWindow />
      </BridgeProvider>
    </MantineProvider>,
  )
  expect(words).toContain('Looking at your folders…')
  expect(words).toContain('Overview')
  expect(words).toContain('Settings')
})

describe('speed limit', () => {
  const send = {
    ...emptyState().settings.send,
    bytesPerSecond: 2 * 1024 * 1024,
    schedule: [
      { days: [1, 2, 3, 4, 5], from: '08:00', to: '18:00', allow: 524_288 },
      { days: [0, 1, 2, 3, 4, 5, 6], from: '23:00', to: '05:00', allow: 'pause' as const },
      { days: [0, 1, 2, 3, 4, 5, 6], from: '00:00', to: '00:00', allow: 'free' as const },
    ],
  }
  const state = emptyState({
    settings: { ...emptyState().settings, send },
    allowance: { now: { kind: 'limit', bytesPerSecond: 524_288 }, until: new Date().setHours(18, 0, 0, 0) },
  })

  test.each([
    [
      'en',
      [
        'At most 512 KiB/s until 18:00.',
        'Mon–Fri · 08:00 to 18:00',
        'Every day · 23:00 to 05:00 the next day',
        'Every day · all day',
      ],
    ],
    [
      'zh-TW',
      [
        '18:00 之前最高 512 KiB/s。',
        '週一至週五 · 08:00 至 18:00',
        '每天 · 23:00 至隔天 05:00',
        '每天 · 整天',
      ],
    ],
  ] as const)(
    'the current limit and the schedule are shown with their times in %s',
    (language, sentences) => {
      const words = renderWords(<SectionContent section="settings.sending" state={state} />, language)
      for (const sentence of sentences) expect(words).toContain(sentence)
    },
  )

  test.each([
    ['en', 'No speed limit until 18:00.'],
    ['zh-TW', '18:00 之前沒有速度限制。'],
  ] as const)('a period without limit is shown with its end in %s', (language, sentence) => {
    const { until } = state.allowance
    const free = { ...state, allowance: { now: { kind: 'free' as const }, until } }
    const words = renderWords(<SectionContent section="settings.sending" state={free} />, language)
    expect(words).toContain(sentence)
  })
})

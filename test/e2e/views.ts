import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Page } from '@playwright/test'
import type { WordKey } from '../../core/words/message.ts'
import { createWords, type Language } from '../../core/words/words.ts'
import { expect } from './desktop.ts'

const NAMES = [
  'photos',
  'Measurements of the northern station, second series',
  'documents',
  'spectra',
  'site plans',
  'calibration',
]

/** Settings with sources of each kind, a destination that is away, and a channel that nobody answers. */
export async function seed(base: string, disk: string, sources: number) {
  const names = Array.from({ length: sources }, (_, index) => NAMES[index] ?? `camera ${index + 1}`)
  const of = (name: string) => path.join(base, 'data', name)
  for (const name of names) await write(path.join(of(name), '2026/11'), name === 'photos' ? 60 : 3)
  await mkdir(path.join(base, 'shelf'))
  await write(path.join(disk, 'archive'), 4)
  await write(path.join(of('station'), 'DC11'), 3)
  await writeFile(path.join(of('station'), 'DC11/finished.parse'), '')
  await write(path.join(of('station'), 'DC12'), 2)
  const nas = { id: 'nas', kind: 'receiver', name: 'nas-2', host: '127.0.0.1', port: 1 }
  const options = { topic: 'x', server: 'http://127.0.0.1:1' }
  return {
    language: 'en',
    theme: 'light',
    check: { intervalSeconds: 1 },
    sources: [
      ...names.map((name, index) => ({ id: `s${index}`, path: of(name), name })),
      { id: 'archive', path: path.join(disk, 'archive'), name: 'Survey archive' },
      { id: 'station', path: of('station'), name: 'Station DC', kind: 'batch' },
    ],
    checkedPaths: [{ id: 'scratch', path: of('documents/2026') }],
    destinations: [{ ...nas, fingerprint: 'a'.repeat(64) }],
    alerts: { channels: [{ id: 'phone', name: 'Phone', type: 'ntfy', options }] },
  }
}

/** A folder that takes what the sources have; the batches alone go to the destination that is away, too. */
export async function addShelf(page: Page, base: string): Promise<void> {
  await page.evaluate(
    async (folder) => {
      const { call } = window.holdfast
      const destination = {
        kind: 'folder' as const,
        name: 'Backup disk',
        path: folder,
        recipient: null,
        hideNames: false,
      }
      await call('addDestination', { destination, secrets: {} })
      const { state } = await call('snapshot', {})
      const shelf = state.destinations.filter(({ id }) => id !== 'nas').map(({ id }) => id)
      for (const { settings } of state.sources)
        if (settings.id !== 'station') await call('setDestinations', { id: settings.id, destinations: shelf })
    },
    path.join(base, 'shelf'),
  )
}

async function write(directory: string, count: number): Promise<void> {
  await mkdir(directory, { recursive: true })
  for (let index = 0; index < count; index += 1)
    await writeFile(path.join(directory, `IMG_${1000 + index}.CR3`), Buffer.alloc(4_000 + index, index))
}

export interface View {
  name: string
  /** From the overview, with nothing open. */
  open(): Promise<unknown>
}

/** The pages, menus and dialogs of the window of `seed`, in this language. */
export function viewsOf(page: Page, language: Language): View[] {
  const words = createWords(language)
  const t = (key: WordKey, params: Record<string, string> = {}) =>
    words({ key, params } as Parameters<typeof words>[0])
  const tab = (key: WordKey) => page.getByRole('tab', { name: new RegExp(`^${t(key)}`) }).click()
  const press = (key: WordKey, params?: Record<string, string>) =>
    page
      .getByRole('button', { name: t(key, params), exact: true })
      .first()
      .click()
  const item = (key: WordKey) =>
    page
      .getByRole('menuitem', { name: t(key) })
      .first()
      .click()
  const inDialog = (key: WordKey) => page.getByRole('dialog').getByText(t(key), { exact: true }).click()
  const menuOf = (name: string) => press('window.source.actions', { name })
  const details = async (part: WordKey) => {
    await press('window.source.open', { name: 'photos' })
    await page.getByText(t(part), { exact: true }).first().click()
  }
  const add = async (kind?: WordKey) => {
    await tab('window.destinations')
    await press('window.destinations.addTitle')
    if (kind !== undefined) await inDialog(kind)
  }
  const channel = async (kind?: WordKey) => {
    await tab('window.settings')
    await press('window.channel.add')
    if (kind !== undefined) await inDialog(kind)
  }
  const restore = async () => {
    await tab('window.destinations')
    await press('window.restore.open')
    // The other one is away.
    await page.getByLabel(t('window.restore.from'), { exact: true }).selectOption('Backup disk')
    const row = page.locator('.listing-row').first()
    await expect(row).toBeVisible()
    while ((await page.getByText('IMG_1000').count()) === 0) {
      const before = await page.locator('.crumbs').textContent()
      await page.locator('.listing-open').first().click()
      await expect(page.locator('.crumbs')).not.toHaveText(before ?? '')
      await expect(row).toBeVisible()
    }
  }
  const menu = async (name: string, chosen: WordKey) => {
    await menuOf(name)
    await item(chosen)
  }
  const inTab = async (key: WordKey, then: () => Promise<unknown>) => {
    await tab(key)
    await then()
  }
  const views: Record<string, View['open']> = {
    overview: async () => undefined,
    'overview-end': () => page.getByRole('article').last().scrollIntoViewIfNeeded(),
    'pause-menu': () => press('window.pause.menu'),
    'more-menu': () => press('window.more'),
    'source-menu': () => menuOf('photos'),
    source: () => press('window.source.open', { name: 'photos' }),
    'source-trouble': () => press('window.source.open', { name: 'Survey archive' }),
    'source-files': () => details('window.details.part.files'),
    filters: async () => {
      await details('window.details.part.rules')
      await press('window.filters.change')
      await expect(page.getByRole('region', { name: t('window.filters.preview') })).toBeVisible()
    },
    'remove-source': () => menu('photos', 'window.source.remove'),
    'choose-destinations': () => menu('photos', 'window.destination.choose'),
    'type-path': async () => {
      await press('window.add.otherWays')
      await item('window.add.type')
    },
    transfers: () => tab('window.transfers'),
    alerts: () => tab('window.alerts'),
    'snooze-menu': () => inTab('window.alerts', () => press('window.alerts.snooze')),
    past: () =>
      inTab('window.alerts', async () => {
        await page.locator('.timeline-open').first().click()
        await page.locator('.incident .what-to-do > summary').first().click()
      }),
    destinations: () => tab('window.destinations'),
    'destination-menu': () => inTab('window.destinations', () => menuOf('nas-2')),
    'rename-destination': () =>
      inTab('window.destinations', () => menu('nas-2', 'window.destination.rename')),
    receiving: () =>
      inTab('window.destinations', () =>
        page.getByRole('switch', { name: t('window.receiving.title') }).click({ force: true }),
      ),
    'add-destination': () => add(),
    'add-receiver': () => add('window.destinations.kind.receiver'),
    'add-folder': () => add('window.destinations.kind.folder'),
    'add-sftp': () => add('window.destinations.kind.sftp'),
    'add-s3': () => add('window.destinations.kind.s3'),
    restore,
    'restore-dialog': async () => {
      await restore()
      await press('window.restore.thisDirectory')
    },
    settings: () => tab('window.settings'),
    'channel-kinds': () => channel(),
    'channel-form': () => channel('channel.type.mail'),
  }
  return Object.entries(views).map(([name, open]) => ({ name, open }))
}

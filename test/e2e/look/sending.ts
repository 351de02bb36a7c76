import { expect, type Running } from '../desktop.ts'
import { handOn } from './hand.ts'
import type { View } from './look.ts'
import { photo } from './worlds.ts'

const SENDER = 'station-3'

/** Where files go and what comes from elsewhere, in the world of `sendingWorld`. */
export function destinationViews({ page }: Running): View[] {
  const { inTab, press, openMenu, menu, part, scrollTo, dialog, t } = handOn(page)
  const inPage = (then: () => Promise<unknown>) => () => inTab('window.destinations', then)
  const inOverview = (then: () => Promise<unknown>) => () => inTab('window.overview', then)
  return [
    { name: 'destinations', isMain: true, open: inPage(async () => undefined) },
    { name: 'destination-menu', open: inPage(() => openMenu('Office')) },
    { name: 'rename-destination', open: inPage(() => menu('nas-2', 'window.destination.rename')) },
    { name: 'change-destination', open: inPage(() => menu('Office', 'window.destinations.change')) },
    {
      name: 'test-destination',
      open: inPage(async () => {
        await menu('Backup disk', 'window.destinations.testMenu')
        await expect(part('window.destinations.testTitle')).toBeVisible()
      }),
    },
    {
      name: 'test-failed',
      open: inPage(async () => {
        await menu('nas-2', 'window.destinations.testMenu')
        await expect(part('window.destinations.testTitle')).toBeVisible()
      }),
    },
    { name: 'testing', open: inPage(() => menu('Office', 'window.destinations.testMenu')) },
    { name: 'remove-destination', open: inPage(() => menu('nas-2', 'window.destination.remove')) },
    { name: 'remove-refused', open: inPage(() => menu('Backup disk', 'window.destination.remove')) },
    { name: 'receiving', isPart: true, open: inPage(() => scrollTo('window.receiving.title')) },
    {
      name: 'station',
      isMain: true,
      open: inOverview(() => scrollTo('settings.stations')),
    },
    {
      name: 'station-details',
      open: inOverview(async () => {
        const station = page.getByRole('article', { name: SENDER })
        await station.getByRole('button').first().click()
        await expect(station).toContainText(`in ${SENDER}`)
      }),
    },
    { name: 'sender-menu', open: inOverview(() => openMenu(SENDER)) },
    { name: 'rename-sender', open: inOverview(() => menu(SENDER, 'window.destination.rename')) },
    { name: 'sender-label', open: inOverview(() => menu(SENDER, 'window.receiving.label')) },
    { name: 'sender-limits', open: inOverview(() => menu(SENDER, 'window.receiving.limits')) },
    {
      name: 'receiving-advanced',
      open: inPage(async () => {
        await press('window.receiving.edit')
        await dialog.getByText(t('settings.advanced'), { exact: true }).click()
      }),
    },
    { name: 'revoke-sender', open: inOverview(() => menu(SENDER, 'window.receiving.revoke')) },
    {
      name: 'invite',
      open: inOverview(async () => {
        await press('window.receiving.invite')
        await expect(page.locator('svg.qr')).toBeVisible()
      }),
    },
    {
      name: 'stop-receiving',
      open: inPage(() => part('window.receiving.title').getByRole('switch').click({ force: true })),
    },
  ]
}

/** The forms of a new destination, by kind. */
export function addingViews({ page, holdfast }: Running): View[] {
  const { t, dialog, tab, press, text } = handOn(page)
  const add = async (kind?: 'receiver' | 'folder' | 'sftp' | 's3' | 'webdav') => {
    await tab('window.destinations')
    await press('window.destinations.addTitle')
    if (kind !== undefined) await text(`window.destinations.kind.${kind}`, dialog)
  }
  const encrypt = async () => {
    await add('sftp')
    await dialog.getByRole('switch', { name: t('window.destinations.encrypt.label') }).click({ force: true })
    await expect(dialog.getByText(/^AGE-SECRET-KEY-/)).toBeVisible()
  }
  return [
    { name: 'add-destination', open: () => add() },
    { name: 'add-receiver', open: () => add('receiver') },
    {
      name: 'add-linked',
      open: async () => {
        await holdfast.application.evaluate(({ BrowserWindow }) => {
          const code = `holdfast://nas.example.org:5000/${'x'.repeat(40)}`
          BrowserWindow.getAllWindows()[0]?.webContents.send('show', { page: 'destinations', code })
        })
        await expect(dialog).toContainText('nas.example.org')
      },
    },
    { name: 'add-folder', open: () => add('folder') },
    { name: 'add-sftp', open: () => add('sftp') },
    {
      name: 'encrypted',
      open: async () => {
        await encrypt()
        await dialog.locator('.encryption').evaluate((one) => one.scrollIntoView({ block: 'end' }))
      },
    },
    {
      name: 'incomplete',
      open: async () => {
        await add('sftp')
        await dialog.getByRole('button', { name: t('window.destinations.test'), exact: true }).click()
        await expect(dialog).toContainText(t('window.destinations.incomplete'))
      },
    },
    { name: 'add-s3', open: () => add('s3') },
    { name: 'add-webdav', open: () => add('webdav') },
    {
      name: 'add-s3-advanced',
      open: async () => {
        await add('s3')
        await dialog.locator('summary').click()
        await dialog.locator('details').evaluate((one) => one.scrollIntoView())
      },
    },
  ]
}

/** What a destination has, and what comes back of it. */
export function restoreViews(running: Running, to: string): View[] {
  const { page, state } = running
  const { t, press, tab, part, field, dialog } = handOn(page)
  const from = async (name: string) => {
    await tab('window.destinations')
    await press('window.restore.open')
    await field('window.restore.from').selectOption(name)
  }
  const browse = async () => {
    await from('Backup disk')
    for (const name of ['photos', '2026', '11'])
      await page.getByRole('button', { name, exact: true }).and(page.locator('.listing-open')).click()
    await expect(page.getByText(photo(0))).toBeVisible()
  }
  const search = async (wanted: string) => {
    await from('Backup disk')
    await page.getByLabel(t('window.restore.search')).fill(wanted)
    await press('window.restore.find')
    await expect(page.locator('.looking')).toHaveCount(0)
  }
  const restored = async () => {
    const phase = (await state()).restore?.phase
    return phase !== undefined && phase !== 'running'
  }
  const start = (destination: string) =>
    page.evaluate(
      async ([name, directory = '']) => {
        const { state: now } = await window.holdfast.call('snapshot', {})
        const { id = '' } = now.destinations.find((one) => one.name === name) ?? {}
        const nothing = { folder: null, path: null, version: null, at: null }
        await window.holdfast.call('restoreStart', { destination: id, ...nothing, to: directory })
      },
      [destination, to],
    )
  return [
    { name: 'restore', isMain: true, open: browse },
    {
      name: 'versions',
      open: async () => {
        await browse()
        await press('window.restore.versionsOf', { name: photo(0) })
        await expect(page.locator('.versions li')).toHaveCount(2)
      },
    },
    { name: 'found', open: () => search('101') },
    {
      name: 'file-menu',
      open: async () => {
        await browse()
        await press('window.source.actions', { name: `2026/11/${photo(0)}` })
        await expect(page.getByRole('menuitem')).toHaveCount(6)
      },
    },
    {
      name: 'file-page',
      open: async () => {
        await browse()
        await press('window.file.whereIs', { path: photo(0) })
        await dialog.getByRole('button', { name: t('window.file.versions') }).click()
        await expect(page.locator('.versions li')).toHaveCount(2)
      },
    },
    { name: 'nothing-found', open: () => search('nowhere') },
    {
      name: 'restore-dialog',
      open: async () => {
        await browse()
        await page.getByLabel(t('window.restore.at')).fill('2026-11-03 14:05:06')
        await expect(page.locator('.looking')).toHaveCount(0)
        await page.getByLabel(t('window.restore.at')).fill('')
        await expect(page.getByText(photo(0))).toBeVisible()
        await press('window.restore.thisFolder')
        await dialog.getByRole('radio').last().click()
      },
    },
    {
      name: 'restore-version',
      open: async () => {
        await browse()
        await press('window.restore.versionsOf', { name: photo(0) })
        await page.locator('.versions li').last().locator('button').last().click()
      },
    },
    {
      name: 'restore-encrypted',
      open: async () => {
        await from('Office')
        await press('window.restore.all')
        await dialog.getByRole('radio').last().click()
        await dialog.getByRole('button', { name: t('window.restore.start'), exact: true }).click()
      },
    },
    { name: 'looking', open: () => from('Office') },
    {
      name: 'not-looked-through',
      open: async () => {
        await from('nas-2')
        // Also while another one is still looked through.
        await expect(part('window.restore.what').getByRole('alert')).toContainText('connection refused')
      },
    },
    {
      name: 'restored',
      open: async () => {
        await start('Backup disk')
        await expect.poll(restored).toBe(true)
        await from('Backup disk')
      },
    },
    {
      name: 'restore-failed',
      open: async () => {
        await start('nas-2')
        await expect.poll(restored).toBe(true)
        await from('Backup disk')
      },
    },
  ]
}

/** A computer that sends here: this very one, under another name. */
export async function receiveFromOne({ page, state }: Running, store: string, port: number): Promise<void> {
  await page.evaluate(
    ([directory, at]) =>
      window.holdfast.call('setReceiving', { receive: { directory, port: at, quotaBytes: 2 ** 31 } }),
    [store, port] as const,
  )
  const receiving = async () => (await state()).receiving
  await expect.poll(async () => (await receiving())?.isRunning).toBe(true)
  await page.evaluate(async (name) => {
    const answer = await window.holdfast.call('inviteSender', { replaces: null })
    await window.holdfast.call('pair', { code: answer.code, name })
    const { state: now } = await window.holdfast.call('snapshot', {})
    const paired = now.destinations.find(({ id, kind }) => kind === 'receiver' && id !== 'nas')
    // Its own name is this machine's.
    await window.holdfast.call('renameDestination', { id: paired?.id ?? '', name: 'attic' })
  }, SENDER)
  await expect.poll(async () => (await receiving())?.senders[0]?.files, { timeout: 20_000 }).toBe(3)
}

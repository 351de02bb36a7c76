import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createWords, englishWords } from '../../core/lib/i18n/words.ts'
import { sections } from '../../core/settings/catalog.ts'
import { shortcuts } from '../../renderer/features/frame/use-shortcuts.ts'
import { type EntryId, settingsCatalog } from '../../renderer/features/settings/catalog.ts'
import { answerDialogs } from '../support/desktop/dialog.ts'
import { firstWords, searchWords } from '../support/search-words.ts'
import { type Desktop, expect, type Running, TREE, test } from './desktop.ts'
import { findViolations, resize, WIDE } from './look/look.ts'

test.describe.configure({ timeout: 240_000 })

let base: string
test.beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'holdfast-search-'))
})
test.afterEach(() => rm(base, TREE))

/** Directories with these names, and a destination that nobody answers at. */
async function startWith(desktop: Desktop, language: string, names = ['photos']) {
  for (const name of names) await mkdir(path.join(base, name))
  return desktop.start({
    settings: {
      language,
      sources: names.map((name) => ({ id: name, path: path.join(base, name), name })),
      destinations: [
        {
          id: 'nas',
          kind: 'receiver',
          name: 'nas-2',
          host: '127.0.0.1',
          port: 1,
          fingerprint: 'a'.repeat(64),
        },
      ],
    },
  })
}

/** The names of controls outside of the settings page. */
const names: Partial<Record<EntryId, string>> = {
  patterns: 'window.filters.patterns',
  temporary: 'window.filters.temporary',
  hidden: 'window.filters.hidden',
  mostSize: 'window.filters.most',
  age: 'window.filters.age',
  priority: 'window.filters.priority.normal',
  deleteAfter: 'window.remove.label',
  digests: 'window.digests.sha256',
  sourceName: 'settings.source.name',
  space: 'window.source.actions',
  address: 'window.destinations.field.host',
  folder: 'window.destinations.field.path',
  s3: 'window.destinations.field.endpoint',
  webdav: 'window.destinations.field.url',
  encryption: 'window.destinations.encrypt.label',
  restore: 'window.restore.open',
  receivePort: 'window.receiving.port',
  receiveQuota: 'window.receiving.quota',
  receiveAlerts: 'window.receiving.silentHours',
  receiveSpace: 'window.receiving.keepFree',
  receiveAddress: 'window.receiving.host',
  invite: 'window.receiving.title',
  mail: 'window.channel.name',
  webhook: 'window.channel.name',
  line: 'window.channel.name',
  pause: 'window.pause.quarter',
  log: 'window.log',
  addDirectory: 'window.addDirectory',
  alerts: 'window.timeline.text',
  files: 'window.files.search',
  receiving: 'window.receiving.title',
  stations: 'window.receiving.title',
  channelTest: 'window.channel.add',
  sourceRemove: 'window.source.remove',
  reportView: 'window.report.again',
  samples: 'window.samples.menu',
  mute: 'window.alerts.muteAll',
}

const isOwn = (id: EntryId) => names[id] === undefined
const switches: readonly EntryId[] = ['hidden', 'temporary', 'encryption', 'invite', 'receiving', 'stations']
/** The name of a switch has its description behind it. */
const namePattern = (id: EntryId, name: string) =>
  new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}${switches.includes(id) ? ' ' : '$'}`)

/** A word for each entry that only newcomers' words find. */
const tasks = (language: 'en' | 'zh-TW') =>
  firstWords[language].filter(
    ([, id], index, all) =>
      all.findIndex(([, other]) => other === id) === index &&
      !searchWords[language].some(([, other]) => other === id),
  )

for (const language of ['en', 'zh-TW'] as const) {
  test(`settings search in ${language}: each word finds its entry, and one click shows the control`, async ({
    desktop,
  }) => {
    const { page } = await startWith(desktop, language)
    const say = createWords(language)
    const t = (key: string) =>
      say({ key: key as Parameters<typeof say>[0]['key'], params: { name: 'nas-2' } })
    const field = page.getByRole('textbox', { name: t('settings.search'), exact: true })
    await expect(page.locator(`html[lang="${language}"]`)).toBeVisible()
    for (const [word, id] of [...searchWords[language], ...tasks(language)]) {
      await test.step(`${word} > ${id}`, async () => {
        await page.getByRole('tab', { name: new RegExp(`^${t('window.settings')}`) }).click()
        await field.fill(word)
        const results = page.locator('[data-entry]')
        await expect(results.first()).toBeVisible()
        const ids = await results.evaluateAll((all) =>
          all.slice(0, 3).map((one) => one.getAttribute('data-entry')),
        )
        expect(ids).toContain(id)
        await page.locator(`[data-entry="${id}"]`).click()
        // A setting that belongs to several kinds of destinations is asked for next.
        const kind = page.getByRole('button', { name: t('window.destinations.kind.folder'), exact: true })
        if (id === 'encryption') await kind.click()
        const focused = page.locator(':focus')
        await expect(focused).toBeInViewport()
        const part = page.locator(`[data-setting="${id}"]`)
        if (isOwn(id)) await expect(part.locator(':focus').or(part.and(focused))).toHaveCount(1)
        else await expect(focused).toHaveAccessibleName(namePattern(id, t(names[id] ?? '')))
        await closeAll(page)
      })
    }
  })
}

test('settings search: results are reached by keyboard, and an entry of several directories asks which', async ({
  desktop,
}) => {
  const { page } = await startWith(desktop, 'en', ['photos', 'documents'])
  await expect(page.getByRole('article')).toHaveCount(2)
  await page.keyboard.press('Control+f')
  const field = page.getByRole('textbox', { name: 'Search settings' })
  await expect(field).toBeFocused()
  await page.keyboard.type('interval')
  await expect(page.getByText(/^\d+ results$/)).toBeVisible()
  await page.keyboard.press('ArrowDown')
  await expect(page.locator('[data-entry="check.intervalSeconds"]')).toBeFocused()
  await page.keyboard.press('ArrowUp')
  await expect(field).toBeFocused()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Escape')
  await expect(field).toBeFocused()
  await expect(field).toHaveValue('')
  await page.keyboard.type('exclude')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'All results' })).toBeFocused()
  await expect(page.getByText('2 results', { exact: true })).toBeVisible()
  await page.keyboard.press('Tab')
  await page.keyboard.press('ArrowDown')
  await expect(page.getByRole('button', { name: 'documents', exact: true })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('textbox', { name: 'Leave out' })).toBeFocused()
  await expect(page.getByRole('region', { name: 'documents', exact: true })).toBeVisible()
  // The details of another directory are left first.
  await page.keyboard.press('Control+f')
  await page.keyboard.type('minimum age')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'photos', exact: true }).click()
  await expect(page.getByRole('textbox', { name: 'Age', exact: true })).toBeFocused()
  await expect(page.getByRole('region', { name: 'photos', exact: true })).toBeVisible()
})

/** The settings of the settings page. */
async function listOwn({ state }: Running) {
  const now = await state()
  return [...settingsCatalog].filter(([id, { getTargets }]) =>
    getTargets(now, (key) => key).some(({ place }) => place?.id === id),
  )
}

test('settings sections: the list opens each by the keyboard, and they have every setting of the catalog', {
  tag: '@story',
}, async ({ desktop }) => {
  const running = await desktop.start({ settings: { web: { on: true } } })
  const { page } = running
  await resize(running, WIDE)
  await page.getByRole('tab', { name: 'Settings' }).click()
  const list = page.getByRole('navigation', { name: 'Sections of the settings' })
  await list.getByRole('button').first().focus()
  const found: (string | null)[] = []
  for (const [index, key] of sections.entries()) {
    if (index > 0) await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    await expect(list.locator('[aria-current="true"]')).toHaveText(englishWords({ key, params: {} }))
    const settings = page.locator('.sections > :not([hidden]) [data-setting]')
    found.push(...(await settings.evaluateAll((all) => all.map((one) => one.getAttribute('data-setting')))))
  }
  expect(found.sort()).toEqual((await listOwn(running)).map(([id]) => id as string).sort())
  expect(await findViolations(page, false)).toEqual([])
})

test('settings search: the name of every setting finds it, and shows it in its section', async ({
  desktop,
}) => {
  const running = await desktop.start()
  const { page } = running
  const say = createWords('en')
  await page.getByRole('tab', { name: 'Settings' }).click()
  for (const [id, { label }] of await listOwn(running)) {
    const name = say({ key: label, params: {} } as Parameters<typeof say>[0])
    await page.getByRole('textbox', { name: 'Search settings' }).fill(name)
    await page.locator(`[data-entry="${id}"]`).click()
    await expect(page.locator(`[data-setting="${id}"][data-found]`)).toBeInViewport()
  }
})

test('help: the guide, the keys, the version and the diagnostics file are in the More menu and in the settings', async ({
  desktop,
}) => {
  const { page, holdfast, state } = await desktop.start()
  const file = path.join(base, 'diagnostics.zip')
  await answerDialogs(holdfast.application, file)
  await expect(page.getByRole('tab', { name: 'Overview' })).toBeVisible()
  await page.keyboard.press('F1')
  const part = page.getByRole('region', { name: 'Help', exact: true })
  await expect(part.getByRole('button', { name: 'Guide' })).toBeFocused()
  await expect(part).toContainText(`Holdfast ${(await state()).version}`)

  await page.getByRole('button', { name: 'More' }).click()
  await page.getByRole('menuitem', { name: 'Help…' }).click()
  const help = page.getByRole('dialog', { name: 'Help' })
  await expect(help).toContainText('MIT')
  for (const { word } of shortcuts) await expect(help).toContainText(englishWords({ key: word, params: {} }))
  await help.getByRole('button', { name: 'Save diagnostics file…' }).click()
  await expect(page.getByRole('alert')).toContainText(file)
  // The message covers no button at the dialog's lower edge.
  await help.getByRole('button', { name: 'Save diagnostics file…' }).click({ trial: true })
  await expect(help).toContainText('passwords, tokens and keys are not')

  await help.getByRole('button', { name: 'Guide' }).click()
  const guide = page.getByRole('dialog').filter({ has: page.locator('.guide') })
  await expect(guide.getByRole('heading', { name: 'Protect a folder' })).toBeVisible()
  await guide.getByRole('button', { name: 'Alerts' }).first().click()
  await expect(guide.getByRole('heading', { name: 'Alerts', exact: true })).toHaveCount(1)
  await guide.getByRole('button', { name: 'First page' }).click()
  await expect(guide.getByRole('heading', { name: 'Protect a folder' })).toBeVisible()
  await expect(guide.getByRole('heading', { name: 'Guide', exact: true })).toHaveCount(1)
})

async function closeAll(page: Running['page']): Promise<void> {
  const open = page.locator('[role="dialog"], [role="menu"]')
  await expect(async () => {
    if ((await open.count()) > 0) await page.keyboard.press('Escape')
    await expect(open).toHaveCount(0, { timeout: 500 })
  }).toPass()
}

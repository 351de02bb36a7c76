import { channelTypes } from '../../../core/alerts/channels/catalog.ts'
import { type Section, sections } from '../../../core/settings/catalog.ts'
import { expect, type Running } from '../desktop.ts'
import { openSection } from '../sections.ts'
import { handOn, toTop } from './hand.ts'
import type { View } from './look.ts'

/** Everything that can be set, in the world of `sendingWorld`. */
export function settingViews({ page, holdfast }: Running, imported: string): View[] {
  const { t, dialog, inTab, press, item, text, scrollTo, field } = handOn(page)
  const help = async () => {
    await press('window.more')
    await item('window.help.menu')
    await expect(dialog).toBeVisible()
  }
  const inPage = (then: () => Promise<unknown>) => () => inTab('window.settings', then)
  const search = (words: string) => page.getByLabel(t('settings.search')).fill(words)
  const inSection =
    (section: Section, then: () => Promise<unknown> = async () => undefined) =>
    async () => {
      await openSection(page, section)
      await toTop(page)
      await then()
    }
  return [
    ...sections.map((section) => ({ name: section, isMain: true as const, open: inSection(section) })),
    {
      name: 'settings-telling',
      isPart: true,
      open: inSection('settings.notifications', () => scrollTo('window.telling.title')),
    },
    {
      name: 'settings-inside',
      isPart: true,
      open: inSection('window.help', () => scrollTo('window.inside.title')),
    },
    { name: 'settings-found', isMain: true, open: inPage(() => search('space')), close: () => search('') },
    {
      name: 'settings-found-places',
      open: inPage(async () => {
        await search('exclude')
        await page.locator('[data-entry="patterns"]').click()
      }),
      close: () => search(''),
    },
    { name: 'settings-not-found', open: inPage(() => search('zebra')), close: () => search('') },
    { name: 'help', isMain: true, open: help },
    {
      name: 'guide',
      isMain: true,
      open: async () => {
        await help()
        await text('window.help.guide', dialog)
        await expect(page.locator('.guide')).toBeVisible()
      },
    },
    {
      name: 'rule-editor',
      open: inSection('settings.sending', async () => {
        await press('window.limit.add')
        await page.getByRole('form', { name: t('window.limit.add') }).scrollIntoViewIfNeeded()
      }),
      close: () => inTab('window.settings', () => press('window.cancel')),
    },
    {
      name: 'wrong-number',
      open: inSection('settings.checking', async () => {
        await field('setting.check.intervalSeconds').fill('0')
        await page.keyboard.press('Tab')
        await scrollTo('settings.checking')
      }),
      close: () =>
        inTab('window.settings', async () => {
          await field('setting.check.intervalSeconds').fill('10')
          await page.keyboard.press('Tab')
        }),
    },
    {
      name: 'changes',
      isMain: true,
      open: inSection('settings.general', async () => {
        await press('change.show')
        await expect(dialog.locator('li').first()).toBeVisible()
      }),
    },
    {
      name: 'import',
      open: inSection('settings.general', async () => {
        // The desktop's own dialog.
        await holdfast.application.evaluate(({ dialog: native }, file) => {
          native.showOpenDialog = async () => ({ canceled: false, filePaths: [file] })
        }, imported)
        await press('settings.exchange.import')
        await expect(dialog).toBeVisible()
      }),
    },
  ]
}

/** The channels' menus, and the form of each type. */
export function channelViews({ page }: Running): View[] {
  const { t, dialog, press, openMenu, menu } = handOn(page)
  const inPage = (then: () => Promise<unknown>) => async () => {
    await openSection(page, 'settings.notifications')
    await then()
  }
  const type = async (name: string) => {
    await press('window.channel.add')
    await dialog.locator('.type-choice').filter({ hasText: name }).first().click()
    await expect(dialog.getByRole('textbox').first()).toBeVisible()
  }
  const words = async () => {
    await type('ntfy')
    await dialog.getByText(t('window.template.own'), { exact: true }).click()
    await dialog.getByText(t('window.template.names'), { exact: true }).click()
    await dialog.getByText(t('window.channel.someSources'), { exact: true }).click()
    await dialog.getByRole('button', { name: t('window.channel.addAction'), exact: true }).click()
  }
  const end = () => dialog.locator('form').evaluate((one) => one.scrollIntoView({ block: 'end' }))
  return [
    { name: 'channel-menu', open: inPage(() => openMenu('Phone')) },
    { name: 'channel-edit', open: inPage(() => menu('Phone', 'window.channel.edit')) },
    { name: 'channel-remove', open: inPage(() => menu('Phone', 'window.channel.remove')) },
    { name: 'channel-types', open: inPage(() => press('window.channel.add')) },
    ...channelTypes
      .filter((one) => one !== 'command')
      .map((one) => ({ name: `channel-${one}`, open: inPage(() => typeByKey(one)) })),
    { name: 'channel-wrong', open: inPage(words) },
    {
      name: 'channel-words',
      isPart: true as const,
      open: inPage(async () => {
        await words()
        await end()
      }),
    },
  ]

  function typeByKey(one: string) {
    return type(t(`channel.type.${one}` as Parameters<typeof t>[0]))
  }
}

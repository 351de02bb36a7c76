import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Page } from '@playwright/test'
import { expect, type Running } from '../desktop.ts'
import { unfold } from '../sections.ts'
import { expectWholeDetail, handOn, toTop } from './hand.ts'
import type { View } from './look.ts'

const UNWRITABLE = '/proc/holdfast-diagnostics.zip'

/** The views of the frame and the overview, in the world of `watchingWorld` below this directory. */
export function overviewViews({ page, holdfast }: Running, base: string): View[] {
  const hand = handOn(page)
  const { t, dialog, press, item, text, menu, openMenu, field } = hand
  const call = page.evaluate.bind(page)
  const checkedPath = path.join(base, 'data/documents/2026')
  const saveDiagnostics = async (to: string) => {
    // The desktop's own dialog.
    await holdfast.application.evaluate(({ dialog: native }, filePath) => {
      native.showSaveDialog = async () => ({ canceled: false, filePath })
    }, to)
    await press('window.more')
    await item('window.diagnostics')
    await expect(page.getByRole('alert')).toContainText(to)
  }
  return [
    {
      name: 'overview',
      isMain: true,
      open: () => expectWholeDetail(page),
    },
    {
      name: 'overview-end',
      isPart: true,
      open: () => page.getByRole('article').last().scrollIntoViewIfNeeded(),
    },
    {
      name: 'checked-path',
      open: async () => {
        await press('window.checked.delays', { path: checkedPath })
        await hand.scrollTo('window.checked.title')
      },
      close: () => press('window.checked.delays', { path: checkedPath }),
    },
    { name: 'remove-checked', open: () => press('window.checked.remove', { path: checkedPath }) },
    { name: 'add-menu', open: () => press('window.add.otherWays') },
    {
      name: 'type-batch',
      open: async () => {
        await press('window.add.otherWays')
        await item('window.add.type')
        await text('window.add.batch', dialog)
      },
    },
    { name: 'pause-menu', open: () => press('window.pause.menu') },
    {
      name: 'pause-dialog',
      open: async () => {
        await press('window.pause.menu')
        await item('window.pause.other')
        await expect(dialog.getByLabel(t('window.pause.hours'))).toBeVisible()
      },
    },
    {
      name: 'paused-menu',
      open: async () => {
        await call(() => window.holdfast.call('pause', { minutes: 60 }))
        await press('window.pause.resumeMenu')
      },
      close: () => call(() => window.holdfast.call('resume', {})),
    },
    { name: 'more-menu', open: () => press('window.more') },
    {
      name: 'log',
      open: async () => {
        await press('window.more')
        await item('window.log')
        await expect(page.locator('.log p').first()).toBeVisible()
      },
    },
    {
      name: 'refused',
      isMain: true,
      open: async () => {
        const written = path.join(base, 'diagnostics.zip')
        await saveDiagnostics(written)
        expect((await readFile(written)).subarray(0, 2).toString()).toBe('PK')
        await saveDiagnostics(UNWRITABLE)
      },
    },
    {
      name: 'refused-dialog',
      isMain: true,
      open: async () => {
        await press('window.more')
        await item('window.help.menu')
        // The message before is not about it.
        await expect(page.getByRole('alert')).toBeEmpty()
        const box = await dialog.boundingBox()
        await press('window.diagnostics')
        await expect(page.getByRole('alert')).toContainText(UNWRITABLE)
        expect(await dialog.boundingBox()).toEqual(box)
      },
      close: () => page.getByRole('alert').getByRole('button').click(),
    },
    {
      name: 'drop',
      open: () => call(() => drag('dragenter')),
      close: () => call(() => drag('dragleave')),
    },
    { name: 'source-menu', open: () => openMenu('photos') },
    { name: 'remove-source', open: () => menu('photos', 'window.source.remove') },
    { name: 'choose-destinations', open: () => menu('photos', 'window.destination.choose') },
    ...sourceViews(page, hand),
    {
      name: 'no-source-fits',
      open: () => page.getByLabel(t('window.sources.search')).fill('nowhere'),
      close: () => field('window.sources.search').fill(''),
    },
  ]
}

declare global {
  /** In the page: a file is dragged over the window. */
  function drag(type: 'dragenter' | 'dragleave'): void
}

/** For the view of a file that is dragged over the window. */
export async function defineDrag({ page }: Running): Promise<void> {
  await page.evaluate(() => {
    window.drag = (type) => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File([''], 'a file'))
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }))
    }
  })
}

/** All that is known of one source, and what can be set. */
function sourceViews(page: Page, { t, press, part, scrollTo }: ReturnType<typeof handOn>): View[] {
  const details = async (name: string, which?: 'files' | 'rules') => {
    await press('window.source.open', { name })
    for (const one of ['files', 'rules'] as const)
      await unfold(page, t(`window.details.part.${one}`), one === which)
    await toTop(page)
  }
  const filters = async () => {
    await details('photos', 'rules')
    await press('window.filters.change')
    await expect(part('window.filters.preview')).toBeVisible()
    await part('window.filters.title').getByRole('textbox').first().fill('*1.CR3\n!IMG_1011.CR3')
    await expect(part('window.filters.preview')).toContainText('5')
  }
  const leave = async () => {
    await press('window.back')
    await press('window.discard.action')
  }
  const removal = async () => {
    await details('photos', 'rules')
    await scrollTo('window.remove.title')
  }
  const after = () => part('window.remove.title').getByRole('combobox')
  return [
    { name: 'source', isMain: true, open: () => details('photos') },
    { name: 'source-trouble', isMain: true, open: () => details('Survey archive') },
    { name: 'source-files', open: () => details('photos', 'files') },
    { name: 'source-batches', open: () => details('Station DC', 'files') },
    { name: 'source-rules', isMain: true, open: () => details('Station DC', 'rules') },
    {
      name: 'source-names',
      isPart: true,
      open: async () => {
        await details('Station DC', 'rules')
        await scrollTo('settings.source.names')
      },
    },
    { name: 'filters', open: filters, close: leave },
    {
      name: 'filters-preview',
      isPart: true,
      open: async () => {
        await filters()
        await part('window.filters.preview').evaluate((one) => one.scrollIntoView({ block: 'end' }))
      },
      close: leave,
    },
    {
      name: 'leave-filters',
      open: async () => {
        await filters()
        await press('window.back')
      },
      close: () => press('window.discard.action'),
    },
    {
      name: 'removal-days',
      open: async () => {
        await removal()
        await after().selectOption(t('settings.remove.other'))
      },
    },
    {
      name: 'removal',
      open: async () => {
        await removal()
        await after().selectOption(t('window.remove.days', { count: 7 }))
      },
    },
  ]
}

/** What moves, and what has failed. */
export function alertViews({ page }: Running): View[] {
  const { t, press, tab, inTab, field } = handOn(page)
  const call = page.evaluate.bind(page)
  return [
    { name: 'transfers', isMain: true, open: () => tab('window.transfers') },
    {
      name: 'no-file-fits',
      open: () =>
        inTab('window.transfers', async () => {
          await field('window.files.search').fill('nowhere')
          await expect(page.getByText(t('window.files.nothingFits'))).toBeVisible()
        }),
    },
    {
      name: 'report',
      isMain: true,
      open: () =>
        inTab('window.transfers', async () => {
          await page.getByText(t('window.transfers.view.report'), { exact: true }).click()
          await expect(page.locator('.report-summary')).toBeVisible({ timeout: 60_000 })
        }),
    },
    { name: 'alerts', isMain: true, open: () => tab('window.alerts') },
    {
      name: 'failure-menu',
      open: () =>
        inTab('window.alerts', () =>
          page
            .locator('[data-incident]')
            .first()
            .getByRole('button', { name: /^Actions for/ })
            .click(),
        ),
    },
    { name: 'mute-menu', open: () => inTab('window.alerts', () => press('window.alerts.muteAll')) },
    {
      name: 'past',
      open: () =>
        inTab('window.alerts', async () => {
          const command = page.locator('[data-incident] .command').first()
          await expect(command).toBeHidden()
          await page.locator('[data-incident] .folded > summary').first().click()
          await expect(command).toBeVisible()
          await page.locator('.timeline .thing-open').first().click()
          await page.locator('.timeline .thing-open').first().scrollIntoViewIfNeeded()
        }),
    },
    {
      name: 'nothing-fits',
      open: () =>
        inTab('window.alerts', async () => {
          await page.getByLabel(t('window.timeline.text')).fill('nowhere')
          await expect(page.getByText(t('window.timeline.nothingFits'))).toBeVisible()
        }),
    },
    {
      name: 'told',
      open: async () => {
        await call(async () => {
          const { state } = await window.holdfast.call('snapshot', {})
          const [first, second] = state.incidents.filter(({ endedAt }) => endedAt === null)
          if (first) await window.holdfast.call('acknowledge', { id: first.id })
          if (second) await window.holdfast.call('snooze', { id: second.id, minutes: 60 })
          await window.holdfast.call('mute', { id: 'archive', until: null })
          await window.holdfast.call('mute', { id: 'scratch', until: Date.now() + 3_600_000 })
        })
        await tab('window.alerts')
      },
    },
  ]
}

/** Twenty sources, and files that have lost their content. */
export function twentyViews({ page }: Running): View[] {
  const { tab } = handOn(page)
  return [
    { name: 'twenty', isMain: true, open: async () => undefined },
    { name: 'emptied', open: () => tab('window.alerts') },
  ]
}

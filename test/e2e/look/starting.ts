import { expect, type Running } from '../desktop.ts'
import { expectWholeDetail, handOn } from './hand.ts'
import type { View } from './look.ts'

/** The first run, step by step, on a new computer. */
export function firstViews({ page }: Running): View[] {
  const { part, t } = handOn(page)
  const steps = part('first.title')
  const button = (word: 'window.back' | 'first.skip' | 'first.where.skip' | 'first.next') =>
    steps.getByRole('button', { name: t(word), exact: true }).last()
  const on = (word: Parameters<typeof button>[0]) => async () => {
    await button(word).click()
    // Comes with the step's content, which is loaded then.
    await expect(button('window.back')).toBeVisible()
  }
  const kind =
    (word: 'window.destinations.kind.receiver' | 'window.destinations.kind.folder') => async () => {
      await steps.getByText(t(word), { exact: true }).click()
      await expect(steps.getByRole('textbox').first()).toBeVisible()
    }
  const back = () => button('window.back').click()
  return [
    { name: 'first-protect', isMain: true, open: async () => undefined },
    { name: 'first-where', isMain: true, open: on('first.skip') },
    { name: 'first-pair', open: kind('window.destinations.kind.receiver'), close: back },
    { name: 'first-folder', open: kind('window.destinations.kind.folder'), close: back },
    { name: 'first-told', isMain: true, open: on('first.where.skip') },
    { name: 'first-login', open: on('first.next') },
    { name: 'first-nothing', open: on('first.next') },
  ]
}

/** The same with something set: it is not over before the person says so. */
export function doneViews(running: Running, directory: string): View[] {
  const { page } = running
  const { part, t, tab, press, dialog } = handOn(page)
  const steps = part('first.title')
  const step = (word: 'window.back' | 'first.next' | 'first.close') =>
    steps
      .getByRole('button', { name: t(word), exact: true })
      .last()
      .click()
  return [
    {
      name: 'first-protected',
      open: async () => {
        for (let number = 0; number < 4; number += 1) await step('window.back')
        await page.evaluate(async (path) => {
          await window.holdfast.call('addSource', { path })
        }, directory)
        await expect(steps).toContainText(directory)
      },
    },
    {
      name: 'first-end',
      open: async () => {
        await step('first.next')
        await steps.getByRole('button', { name: t('first.where.skip'), exact: true }).click()
        for (let number = 0; number < 2; number += 1) await step('first.next')
        await expect(steps.getByRole('list')).toBeVisible()
      },
      close: () => step('first.close'),
    },
    {
      name: 'copied-here',
      isMain: true,
      open: async () => {
        await expect(page.getByRole('banner')).toContainText(t('status.connectReceiver'), { timeout: 30_000 })
        await expectWholeDetail(page)
      },
    },
    { name: 'no-destination', open: () => tab('window.destinations') },
    {
      name: 'receive',
      open: async () => {
        await tab('window.destinations')
        await part('window.receiving.title').getByRole('switch').click({ force: true })
        await dialog.getByRole('button', { name: t('window.receiving.on'), exact: true }).click()
      },
    },
    { name: 'first-transfer', open: () => tab('window.transfers') },
    { name: 'no-alerts', open: () => tab('window.alerts') },
    {
      name: 'restore-here',
      open: async () => {
        await tab('window.destinations')
        await press('window.restore.open')
        await expect(page.locator('.listing[aria-busy="false"]')).toBeVisible()
      },
    },
  ]
}

import { expect, type Running } from '../desktop.ts'
import { handOn } from './hand.ts'
import type { View } from './look.ts'

/** The first run, step by step, on a new computer. */
export function firstViews({ page }: Running): View[] {
  const { part, t } = handOn(page)
  const steps = part('first.title')
  const on =
    (...words: ('first.skip' | 'first.where.skip' | 'first.next')[]) =>
    async () => {
      for (const word of words) await steps.getByRole('button', { name: t(word), exact: true }).click()
    }
  const back = async () => {
    await steps
      .getByRole('button', { name: t('window.back'), exact: true })
      .last()
      .click()
  }
  return [
    { name: 'first-protect', isMain: true, open: async () => undefined },
    { name: 'first-where', isMain: true, open: on('first.skip') },
    {
      name: 'first-pair',
      open: async () => {
        await steps.getByText(t('window.destinations.kind.receiver'), { exact: true }).click()
        await expect(steps.getByRole('textbox')).toBeVisible()
      },
      close: back,
    },
    {
      name: 'first-folder',
      open: () => steps.getByText(t('window.destinations.kind.folder'), { exact: true }).click(),
      close: back,
    },
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
      },
      close: () => step('first.close'),
    },
    { name: 'copied-here', isMain: true, open: async () => undefined },
    { name: 'no-destination', open: () => tab('window.destinations') },
    {
      name: 'receive',
      open: async () => {
        await tab('window.destinations')
        await part('window.receiving.title').getByRole('switch').click({ force: true })
        await dialog.getByRole('button', { name: t('window.receiving.on'), exact: true }).click()
      },
    },
    { name: 'no-transfers', open: () => tab('window.transfers') },
    { name: 'no-alerts', open: () => tab('window.alerts') },
    {
      name: 'unmade-restore',
      open: async () => {
        await tab('window.destinations')
        await press('window.restore.open')
        await expect(page.locator('.looking')).toHaveCount(0)
      },
    },
  ]
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { until } from '../support/until.ts'
import { expect, TREE, test } from './desktop.ts'

test('window: a check without a change in status changes nothing in the page', async ({ desktop }) => {
  const source = await mkdtemp(path.join(tmpdir(), 'holdfast-idle-'))
  try {
    const settings = { sources: [{ id: 's', path: source, name: 'photos' }], check: { intervalSeconds: 1 } }
    const { page, state } = await desktop.start({ settings: { ...settings, theme: 'dark' } })
    const checkedAt = async () => (await state()).sources[0]?.checked?.at ?? 0
    await until('it is watched', async () => (await state()).sources[0]?.scanned?.phase === 'watching')
    await expect(page.getByRole('heading', { name: 'Watching 1 folder.' })).toBeVisible()
    // The last part of the status that comes after the start.
    await expect(page.getByRole('banner').getByRole('button', { name: 'Add destination' })).toBeVisible()
    // So is the state of the row: a first check under load may be slow.
    await expect(page.getByRole('article', { name: 'photos' })).toContainText('Disk OK')
    await page.evaluate(() => {
      const seen: string[] = []
      const observer = new MutationObserver((all) => {
        for (const { target, type, attributeName } of all)
          seen.push(`${target.nodeName} ${type} ${attributeName}: ${target.textContent?.slice(0, 200)}`)
      })
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
      Object.assign(window, { seen })
    })
    const from = await checkedAt()
    await until('it was checked three times', async () => (await checkedAt()) > from + 2_500)
    expect(await page.evaluate(() => (window as unknown as { seen: string[] }).seen)).toEqual([])
  } finally {
    await rm(source, TREE)
  }
})

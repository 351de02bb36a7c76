import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { strFromU8, unzipSync } from 'fflate'
import { answerDialogs } from '../support/desktop/dialog.ts'
import { expect, test } from './desktop.ts'

test('diagnostics file: it is saved at the chosen path, and a write error is shown', async ({ desktop }) => {
  const { page, holdfast, state } = await desktop.start()
  const save = async (to: string | null) => {
    await answerDialogs(holdfast.application, to)
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Save diagnostics file…' }).click()
  }
  const nowhere = path.join(desktop.dataDirectory, 'none/holdfast.zip')
  await save(nowhere)
  await expect(page.getByText(`could not be written to ${nowhere}`)).toBeVisible()

  const file = path.join(desktop.dataDirectory, 'holdfast.zip')
  await save(null)
  expect(existsSync(file)).toBe(false)
  await save(file)
  await expect(page.getByText(`Written to ${file}. It contains no secrets`)).toBeVisible()
  const inside = unzipSync(await readFile(file))
  expect(Object.keys(inside)).toContain('logs/agent.log')
  const { version } = await state()
  expect(JSON.parse(strFromU8(inside['about.json'] ?? new Uint8Array()))).toMatchObject({ holdfast: version })
  await expect(page.getByText(/^Written to/)).toHaveCount(1)
})

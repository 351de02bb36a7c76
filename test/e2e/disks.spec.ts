import { chmod, mkdir, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ataOutput, notPermitted } from '../support/check/smartctl-outputs.ts'
import { expect, test } from './desktop.ts'
import { pictures } from './pictures.ts'
import { openSection, unfold } from './sections.ts'

test('disk health: a row and the details show a finding, which can be accepted, and why it is not readable', async ({
  desktop,
}) => {
  const [folder, programs] = ['survey', 'programs'].map((name) => path.join(desktop.dataDirectory, name)) as [
    string,
    string,
  ]
  await Promise.all([mkdir(folder), mkdir(programs)])
  const says = async (output: string, status: number) => {
    const program = path.join(programs, 'smartctl')
    await writeFile(`${program}.new`, `#!/bin/sh\nprintf '%s' '${output}'\nexit ${status}\n`)
    await chmod(`${program}.new`, 0o755)
    await rename(`${program}.new`, program)
  }
  await says(ataOutput({ pending: 12 }), 0)
  const { page, holdfast } = await desktop.start({
    settings: {
      sources: [{ id: 'survey', path: folder, name: 'Survey archive' }],
      checkedPaths: [{ id: 'programs', path: programs }],
    },
    env: { PATH: `${programs}:${process.env.PATH}` },
  })
  const resize = async (width: number) => {
    await holdfast.application.evaluate(({ BrowserWindow }, wanted) => {
      BrowserWindow.getAllWindows()[0]?.setSize(wanted, 640)
    }, width)
    await expect.poll(() => page.evaluate(() => window.outerWidth)).toBe(width)
  }
  const readAgain = () => page.evaluate(() => window.holdfast.call('checkNow', {}))
  const row = page.getByRole('article', { name: 'Survey archive' })
  await expect(row.getByText('Disk: 12 pending sectors')).toBeVisible({ timeout: 60_000 })
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(
    'The disk of Survey archive (+1) is at risk.',
  )
  const checked = page.getByRole('region', { name: 'Only checked' })
  await expect(checked.getByText('Disk: 12 pending sectors')).toBeVisible()
  await checked.getByRole('button', { name: /Read delays of/ }).click()
  await expect(checked.getByText(/…4711, \w+: 12 pending sectors/)).toBeVisible()
  await pictures(page, 'disks-row')

  await row.getByRole('button', { name: 'Details' }).click()
  const part = page.getByRole('region', { name: 'Disk health' })
  await expect(part).toContainText('12 pending sectors')
  await expect(part).toContainText('WDC WD40EFRX-68N32N0 …4711')
  await expect(part).toContainText('1 folder on it has no copy on another disk')
  await part.scrollIntoViewIfNeeded()
  await pictures(page, 'disks-finding')
  await resize(1_240)
  await part.scrollIntoViewIfNeeded()
  await pictures(page, 'disks-finding-wide')
  await resize(400)

  await part.getByRole('button', { name: 'Accept these values' }).click()
  await expect(page.getByText('The disk of Survey archive (+1) is at risk.')).toBeHidden({
    timeout: 60_000,
  })

  // A disk without a finding is among the measurements.
  await expect(part).toBeHidden()
  await unfold(page, 'Measurements')
  await expect(part.getByText('OK', { exact: true })).toBeVisible()
  await says(notPermitted, 2)
  await readAgain()
  await expect(part).toContainText('Not readable: Holdfast has no permission', { timeout: 60_000 })
  await expect(part).toContainText('sudo setcap')
  await expect(part.getByText('OK', { exact: true })).toBeHidden()
  await part.scrollIntoViewIfNeeded()
  await pictures(page, 'disks-not-permitted')
  await resize(1_240)
  await part.scrollIntoViewIfNeeded()
  await pictures(page, 'disks-not-permitted-wide')
  await resize(400)

  await page.getByRole('button', { name: 'Back' }).click()
  await openSection(page, 'settings.checking')
  const health = page.getByRole('switch', { name: 'Read the health of disks' })
  await expect(health).toBeChecked()
  await health.click()
  await expect(health).not.toBeChecked()
  await health.scrollIntoViewIfNeeded()
  await pictures(page, 'disks-setting')
  await page.getByRole('tab', { name: /Overview/ }).click()
  await row.getByText('Survey archive').click()
  await expect(part).toContainText('Off in the settings.', { timeout: 60_000 })
})

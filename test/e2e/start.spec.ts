import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { cancelDialog, openDialog } from '../support/desktop/dialog.ts'
import { electronExecutable } from '../support/desktop/launch.ts'
import { remount } from '../support/faults/mounts.ts'
import { until } from '../support/until.ts'
import { expect, test } from './desktop.ts'

const projectDirectory = path.resolve(import.meta.dirname, '../..')

test('start: a read-only data disk is reported in a dialog and ends with exit code 1', {
  tag: '@story',
}, async ({ desktop }) => {
  const disk = await desktop.ext4()
  await remount(disk.point, 'ro')
  const flags = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const holdfast = spawn(await electronExecutable(), [...flags, projectDirectory], {
    env: { ...process.env, HOLDFAST_HOME: path.join(disk.point, 'holdfast') },
    stdio: 'ignore',
  })
  const ended = once(holdfast, 'exit')
  await until('the dialog', openDialog)
  await cancelDialog()
  expect(await ended).toEqual([1, null])
})

test('start: a window position file that cannot be read does not prevent the window', async ({ desktop }) => {
  await mkdir(path.join(desktop.dataDirectory, 'window.json'))
  const { page } = await desktop.start()
  await expect(page.getByRole('status').first()).toContainText('No folder is protected yet')
})

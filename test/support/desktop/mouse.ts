import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Locator } from '@playwright/test'

const run = promisify(execFile)

/** Clicks with the desktop's own mouse in the middle of something that the application's window shows. */
export async function clickOn(target: Locator): Promise<void> {
  await target.scrollIntoViewIfNeeded()
  const box = await target.boundingBox()
  if (box === null) throw new Error(`nothing to click on: ${target}`)
  const { stdout } = await run('xdotool', ['search', '--onlyvisible', '--name', '^Holdfast$'], {
    timeout: 20_000,
  })
  const window = stdout.trim().split('\n').at(-1) ?? ''
  const at = [box.x + box.width / 2, box.y + box.height / 2].map((value) => String(Math.round(value)))
  await run('xdotool', ['mousemove', '--window', window, ...at, 'click', '1'], { timeout: 20_000 })
}

import { readdirSync } from 'node:fs'
import { copyFile, readdir, readFile, readlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type Page, expect as playwrightExpect } from '@playwright/test'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { chooseDirectory } from '../support/desktop/dialog.ts'
import { clickOn } from '../support/desktop/mouse.ts'
import { takeScreenshot } from '../support/desktop/screenshot.ts'
import { type CleanRoot, makeCleanRoot, USER } from '../support/package/clean-root.ts'
import { launchPackaged, type Packaged } from '../support/package/packaged.ts'
import { startUserDesktop, type UserDesktop } from '../support/package/user-desktop.ts'
import { until } from '../support/until.ts'

/** The packaged application starts on a busy machine, too. */
const page = playwrightExpect.configure({ timeout: 20_000 })
const output = path.resolve(import.meta.dirname, '../../out/package')
const DEB = '/holdfast-desktop.deb'

let root: CleanRoot
let desktop: UserDesktop
let before: Set<string>
const inHome = (...parts: string[]) => path.join(root.directory, USER.home, ...parts)

beforeAll(async () => {
  const deb = readdirSync(output).find((name) => name.endsWith('.deb'))
  if (deb === undefined) throw new Error('there is no package: npm run package -- deb')
  root = await makeCleanRoot()
  await copyFile(path.join(output, deb), path.join(root.directory, DEB))
  desktop = await startUserDesktop(USER.id)
  Object.assign(process.env, desktop.env)
  for (const place of ['/tmp/.X11-unix', desktop.directory]) await root.bind(place)
}, 600_000)

afterAll(async () => {
  await desktop?.close()
  await root?.remove()
}, 60_000)

test('desktop package: it is installed with its dependencies, and lacks no library', {
  timeout: 600_000,
}, async () => {
  await root.run('apt-get', 'update')
  const depends = await root.run('dpkg-deb', '--field', DEB, 'Depends')
  await root.run('apt-get', 'satisfy', '-y', '--no-install-recommends', depends.trim())
  before = await root.files()
  await root.run('apt-get', 'install', '-y', '--no-install-recommends', DEB)
  await root.run('desktop-file-validate', '/usr/share/applications/holdfast.desktop')
  expect(await root.run('ldd', '/opt/Holdfast/holdfast-desktop')).not.toContain('not found')
  expect(await root.run('cat', '/usr/share/applications/mimeinfo.cache')).toContain('holdfast.desktop')
})

test('desktop package: an ordinary user protects a directory with the mouse, sandbox on', {
  timeout: 120_000,
}, async () => {
  await root.run('install', '-d', '-o', USER.name, '-g', USER.name, `${USER.home}/photos`)
  await writeFile(inHome('photos/one.txt'), 'one')
  const env = { HOME: USER.home, PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', ...desktop.env }
  const holdfast = await launchPackaged([...root.asUser(env), '/usr/bin/holdfast-desktop'])
  try {
    await expectSandbox(holdfast)
    await throughFirstSteps(holdfast.page, `${USER.home}/photos`)
    await page(holdfast.page.getByRole('article', { name: 'photos' })).toBeVisible()
    const copy = await until('the file in the copy', async () => {
      const names = await readdir(inHome('.local/share/holdfast/store'), { recursive: true })
      return names.find((name) => name.endsWith('photos/one.txt'))
    })
    expect(await readFile(inHome('.local/share/holdfast/store', copy), 'utf8')).toBe('one')
    if (process.env.HOLDFAST_PICTURES)
      await takeScreenshot(path.join(process.env.HOLDFAST_PICTURES, 'deb.png'))
  } finally {
    await holdfast.close()
  }
  expect(holdfast.output()).not.toMatch(/no-sandbox|sandbox is off/i)
})

test("desktop package: its removal leaves the user's files and nothing else", {
  timeout: 120_000,
}, async () => {
  await root.run('apt-get', 'remove', '-y', 'holdfast-desktop')
  const after = await root.files()
  expect([...after].filter((file) => !before.has(file))).toEqual([])
  // dpkg takes an empty /opt away, whoever has made it.
  expect([...before].filter((file) => !after.has(file) && file !== 'opt')).toEqual([])
  expect(await readFile(inHome('photos/one.txt'), 'utf8')).toBe('one')
  expect(await readdir(inHome('.local/share/holdfast'))).toContain('settings.json')
})

/** One directory, copied on this computer alone, nobody told. */
async function throughFirstSteps(window: Page, directory: string): Promise<void> {
  const steps = window.getByRole('region', { name: 'First steps' })
  await clickOn(steps.getByRole('button', { name: 'Add folder' }))
  await chooseDirectory(directory)
  await page(steps).toContainText(directory)
  for (const [step, button] of [
    [1, 'Next'],
    [2, 'Later'],
    [3, 'Next'],
    [4, 'Next'],
  ] as const) {
    await page(steps).toContainText(`Step ${step} of 5`)
    await clickOn(steps.getByRole('button', { name: button, exact: true }))
  }
  await clickOn(steps.getByRole('button', { name: 'Done' }))
}

/** The page's process runs as the user, under a system call filter and apart from the network's and others' processes. */
async function expectSandbox({ pid }: Packaged): Promise<void> {
  const { process: renderer } = await until('the process of the page', () => findProcess(pid, 'renderer'))
  const status = await readFile(`/proc/${renderer}/status`, 'utf8')
  expect(status).toMatch(/^Seccomp:\t2$/m)
  expect(status).toMatch(new RegExp(`^Uid:\\t${USER.id}\\t${USER.id}`, 'm'))
  expect(await readlink(`/proc/${renderer}/ns/net`)).not.toBe(await readlink(`/proc/${pid}/ns/net`))
  expect(await readlink(`/proc/${renderer}/ns/pid`)).not.toBe(await readlink(`/proc/${pid}/ns/pid`))
  // A page's own preferences put the switch on its own process; app.enableSandbox() on everybody's.
  const { words } = await until('the process of the network', () => findProcess(pid, 'utility'))
  expect(words).toContain('--enable-sandbox')
}

/** A process of this type that runs the same executable. */
async function findProcess(main: number, type: string): Promise<{ process: number; words: string[] } | null> {
  const executable = await readlink(`/proc/${main}/exe`)
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    // A process that has been told its title by Chromium has spaces between its words.
    const words = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split(/[\0 ]/)
    const isOurs = (await readlink(`/proc/${name}/exe`).catch(() => '')) === executable
    if (isOurs && words.includes(`--type=${type}`)) return { process: Number(name), words }
  }
  return null
}

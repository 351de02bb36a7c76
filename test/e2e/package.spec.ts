import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@playwright/test'
import { unpackedExecutable } from '../../build/package/configuration.mjs'
import { wrongFuses } from '../../build/package/fuses.mjs'
import { launchPackaged, type Packaged } from '../support/package/packaged.ts'
import { until } from '../support/until.ts'

const project = path.resolve(import.meta.dirname, '../..')
const executable = unpackedExecutable()

test.describe.configure({ mode: 'serial' })

let directory: string
let source: string
let packaged: Packaged

test.beforeAll(async () => {
  test.setTimeout(180_000)
  await promisify(execFile)(process.execPath, [path.join(project, 'build/package.mjs'), 'dir'])
  directory = await mkdtemp(path.join(tmpdir(), 'holdfast-package-'))
  source = path.join(directory, 'photos')
  await mkdir(source)
  await writeFile(path.join(source, 'one.txt'), 'one')
  await writeFile(path.join(directory, 'own.js'), `require('fs').writeFileSync('${directory}/ran', '')`)
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  // What would make a plain Electron run a script of somebody's own, or open it to a debugger.
  const words = [...asRoot, '--inspect=0', path.join(source)]
  packaged = await launchPackaged([executable, ...words], {
    HOLDFAST_HOME: path.join(directory, 'data'),
    ELECTRON_RUN_AS_NODE: '1',
    NODE_OPTIONS: `--require=${path.join(directory, 'own.js')}`,
  })
})

test.afterAll(async () => {
  await packaged?.close()
  await rm(directory, { recursive: true, force: true })
})

test('the fuses of the packaged application are as configured', async () => {
  expect(await wrongFuses(executable)).toEqual([])
})

test('no environment and no argument makes it run a script or listen for a debugger', async () => {
  await expect(packaged.page.getByRole('article', { name: 'photos' })).toBeVisible()
  expect(existsSync(path.join(directory, 'ran'))).toBe(false)
  expect(packaged.output()).not.toContain('Debugger listening')
})

test('the packaged application does the main job', async () => {
  await until('the file in the copy', async () => {
    const names = await readdir(path.join(directory, 'data/store'), { recursive: true })
    return names.some((name) => name.endsWith('photos/one.txt'))
  })
})

import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import Conf from 'conf'
import { expect, test } from 'vitest'
import { openWindowMemory } from '../../../electron/main/window-memory.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const bounds = { x: 1, y: 2, width: 400, height: 640 }
/** What electron-store is made of. */
const storeIn = (directory: string) => () =>
  new Conf<Record<string, unknown>>({ cwd: directory, configName: 'window', clearInvalidConfig: true })

test('window memory: the last values are restored at the next start', async () => {
  const directory = temporaryDirectory('window')
  const memory = openWindowMemory(storeIn(directory))
  expect([memory.bounds(), memory.page()]).toEqual([null, null])
  memory.remember({ bounds: { ...bounds, x: 7 } })
  memory.remember({ page: 'alerts' })
  memory.remember({ bounds })
  await memory.saved()
  memory.remember({ closeHinted: true })
  await memory.saved()
  const next = openWindowMemory(storeIn(directory))
  expect([next.bounds(), next.page(), next.closeHinted()]).toEqual([bounds, 'alerts', true])
})

test.each(['{', '[]', '{"bounds": {"x": "left"}, "page": "nowhere"}'])(
  'window memory: the invalid file %s is ignored and replaced',
  async (text) => {
    const directory = temporaryDirectory('window')
    writeFileSync(path.join(directory, 'window.json'), text)
    const memory = openWindowMemory(storeIn(directory))
    expect([memory.bounds(), memory.page()]).toEqual([null, null])
    memory.remember({ bounds })
    await memory.saved()
    expect(openWindowMemory(storeIn(directory)).bounds()).toEqual(bounds)
  },
)

test('window memory: a file that cannot be read or written causes no error', async () => {
  const directory = temporaryDirectory('window')
  mkdirSync(path.join(directory, 'window.json'))
  const memory = openWindowMemory(storeIn(directory))
  memory.remember({ bounds })
  await memory.saved()
  expect(openWindowMemory(storeIn(directory)).bounds()).toBeNull()
})

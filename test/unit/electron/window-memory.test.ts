import { mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openWindowMemory } from '../../../electron/main/window-memory.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const bounds = { x: 1, y: 2, width: 400, height: 640 }

test('what cannot be read is none, and is remembered once it can be', async () => {
  const directory = temporaryDirectory('window')
  const file = path.join(directory, 'window.json')
  mkdirSync(file)
  const memory = openWindowMemory(directory)
  expect(memory.bounds()).toBeUndefined()
  memory.remember(bounds)
  await memory.saved()
  rmdirSync(file)
  memory.remember({ ...bounds, x: 7 })
  memory.remember(bounds)
  await memory.saved()
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ bounds, closeHinted: false })
  memory.rememberCloseHint()
  await memory.saved()
  const again = openWindowMemory(directory)
  expect([again.bounds(), again.closeHinted()]).toEqual([bounds, true])
})

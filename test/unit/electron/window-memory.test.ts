import { mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { openWindowMemory } from '../../../electron/main/window-memory.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const bounds = { x: 1, y: 2, width: 400, height: 640 }

test('what cannot be read is none, and is remembered once it can be', () => {
  const said = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const directory = temporaryDirectory('window')
  const file = path.join(directory, 'window.json')
  mkdirSync(file)
  const memory = openWindowMemory(directory)
  expect(memory.bounds()).toBeUndefined()
  memory.remember(bounds)
  expect(said).toHaveBeenCalledTimes(2)
  rmdirSync(file)
  memory.remember(bounds)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ bounds })
  expect(openWindowMemory(directory).bounds()).toEqual(bounds)
  said.mockRestore()
})

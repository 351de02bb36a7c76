import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { unzipSync } from 'fflate'
import { expect, test } from 'vitest'
import { zipForWindows } from '../../build/package/cli.mjs'
import manifest from '../../package.json' with { type: 'json' }
import { places, prepareWindows } from '../support/windows/places.ts'
import { toWindows } from '../support/windows/windows.ts'

const windows = prepareWindows()

test('package: the zip, unpacked, runs without the checkout', async () => {
  const { at, make, data } = places()
  const file = await zipForWindows(process.env.HOLDFAST_WINDOWS ?? '', make('built'))
  for (const [name, bytes] of Object.entries(unzipSync(readFileSync(file)))) {
    mkdirSync(path.dirname(at(name)), { recursive: true })
    writeFileSync(at(name), bytes)
  }
  const root = at(path.basename(file, '.zip'))
  const holdfast = toWindows(path.join(root, 'holdfast.cmd'))
  const run = (...words: string[]) => windows().runProgram('cmd.exe', '/c', holdfast, ...words)
  expect(await run('--version')).toEqual({
    code: 0,
    out: expect.stringMatching(new RegExp(`^${manifest.version}(\\+[0-9a-f]{8})?\n$`)),
    err: '',
  })
  // Loads each native module.
  writeFileSync(path.join(make('source'), 'measured'), 'all of it')
  const once = await run('send', '--once', '--json', toWindows(at('source')), ...data())
  expect(JSON.parse(once.out)).toMatchObject({ sent: 1 })
  expect(readFileSync(path.join(root, 'LICENSES.txt'), 'utf8')).toMatch(/^koffi \d.*: MIT$/m)
})

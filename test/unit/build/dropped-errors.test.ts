import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../../..')
const folders = ['core', 'cli', 'electron', 'renderer', 'build']

/** A handler that gives a constant, and a clause that does not even name its error. */
const SWALLOWED =
  /(?:\.catch\(|\.on\('error',)\s*\(\w*\) => (?:undefined|null|true|false|''|0|\[\]|\{\s*\})\s*\)|\bcatch(?: \(_\w*\))? \{/g

/** They drop errors of the stream to which the reason would be written. */
const OF_THE_LOG = ['cli/terminal/output-errors.ts', 'core/check/stdio/serve-stdio.ts']

test('dropped errors: each one in the code has a reason (core/dropped-errors.ts, build/setup/project.mjs)', () => {
  const patterns = folders.map((folder) => `${folder}/**/*.{ts,tsx,mjs}`)
  const files = globSync(patterns, { cwd: root }).filter((file) => !OF_THE_LOG.includes(file))
  expect(files.length).toBeGreaterThan(500)
  const swallowed = files.flatMap((file) => {
    const text = readFileSync(path.join(root, file), 'utf8')
    return [...text.matchAll(SWALLOWED)].map(({ index }) => {
      return `${file}:${text.slice(0, index).split('\n').length}`
    })
  })
  expect(swallowed).toEqual([])
})

import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const core = path.resolve(import.meta.dirname, '../../../core')

/** Each folder of core may know those above it; the parts that do the product's work know nothing of each other. */
const layers = [
  ['files', 'pacing'],
  ['words'],
  ['worker', 'wire'],
  ['settings'],
  ['filter', 'ledger'],
  ['mounts'],
  ['check', 'scan', 'send', 'receive'],
  ['alert'],
  ['agent'],
]

const folderOf = (file: string): string => path.relative(core, file).split(path.sep)[0] ?? ''
const layerOf = (folder: string): number => layers.findIndex((layer) => layer.includes(folder))

function importsOf(file: string): string[] {
  const specifiers = readFileSync(file, 'utf8').matchAll(/(?:from|import\(?)\s*'(\.[^']+\.ts)'/g)
  return [...specifiers].map(([, specifier = '']) => path.resolve(path.dirname(file), specifier))
}

test('imports between the folders of core point one way', () => {
  const wrong: string[] = []
  let looked = 0
  for (const file of globSync(path.join(core, '*/**/*.ts'))) {
    const from = folderOf(file)
    for (const imported of importsOf(file)) {
      const to = folderOf(imported)
      // Not a folder: the little that everybody may know (core/sqlite.ts).
      if (to.endsWith('.ts') || to === from) continue
      looked += 1
      if (layerOf(to) === -1 || layerOf(to) >= layerOf(from))
        wrong.push(`${path.relative(core, file)} imports ${path.relative(core, imported)}`)
    }
  }
  expect(looked).toBeGreaterThan(500)
  expect(wrong).toEqual([])
})

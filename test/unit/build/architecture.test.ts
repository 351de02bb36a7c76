// @module-tag timeless
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../../..')
const outside = /^(assets|build|cli|docs|electron|renderer|test)\//

test('docs/architecture.md: every file named with its folder exists', () => {
  const text = readFileSync(path.join(root, 'docs/architecture.md'), 'utf8')
  const named = [...text.matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|tsx|mjs|css|md))`/g)].map(
    ([, name = '']) => name,
  )
  const missing = named
    // NAME stands for what is to be added.
    .filter((name) => !name.includes('NAME') && !name.includes('LEVEL'))
    .filter((name) => !existsSync(path.join(root, outside.test(name) ? name : `core/${name}`)))
  expect(named.length).toBeGreaterThan(60)
  expect([...new Set(missing)]).toEqual([])
})

test('docs/architecture.md: every file named in a picture exists', () => {
  const text = readFileSync(path.join(root, 'docs/architecture.md'), 'utf8')
  const pictures = [...text.matchAll(/```\n(.*?)```/gs)].map(([, picture = '']) => picture).join('\n')
  const files = globSync('{core,cli,electron,renderer}/**/*.{ts,tsx}', { cwd: root }).map(
    (name) => `/${name}`,
  )
  const named = (pictures.match(/[\w-]+(?:\/[\w-]+)*\.tsx?\b/g) ?? []).filter(
    (name) => !name.includes('NAME'),
  )
  // Most are named below the folder that stands at the line's beginning.
  const missing = named.filter((name) => !files.some((file) => file.endsWith(`/${name}`)))
  expect(named.length).toBeGreaterThan(60)
  expect([...new Set(missing)]).toEqual([])
})

const rooms = [...globSync('core/*/', { cwd: root }), 'cli', 'electron', 'renderer', 'build', 'test'].sort()
test.each(rooms)('README of %s: the page is short, and the files that it names exist', (folder) => {
  const text = readFileSync(path.join(root, folder, 'README.md'), 'utf8')
  expect(text.split('\n').length).toBeLessThan(25)
  const files = globSync('{core,docs,assets,cli,electron,renderer,build,test}/**/*.{ts,tsx,mjs,md,json}', {
    cwd: root,
  })
  const named = [...text.matchAll(/`([\w./-]+\.(?:tsx?|mjs|json|md))`/g)].map(([, name = '']) => name)
  const missing = named
    .filter((name) => !name.includes('NAME'))
    .filter((name) => !files.some((file) => file.endsWith(`/${name}`)))
  expect(named.length).toBeGreaterThan(2)
  expect(missing).toEqual([])
})

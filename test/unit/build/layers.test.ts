// @module-tag timeless
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { destinationKinds } from '../../../core/backends/kinds.ts'

const core = path.resolve(import.meta.dirname, '../../../core')

/** Each folder may know those above it; the parts that do the product's work know nothing of each other. */
const layersByFolder: Record<string, string[][]> = {
  '': [
    ['platform'],
    ['lib'],
    ['protocol'],
    ['store'],
    ['alerts'],
    ['kinds'],
    ['settings'],
    ['filter', 'ledger'],
    ['fixity'],
    ['events'],
    ['walk'],
    ['watch'],
    ['backends'],
    ['check', 'scan', 'send', 'receive', 'restore'],
    ['report'],
    ['agent'],
  ],
  lib: [['async', 'i18n'], ['network'], ['workers']],
  backends: [['encrypted'], ['objects'], destinationKinds.filter((kind) => kind !== 'folder'), ['folder']],
  send: [
    ['rate-limit', 'reading', 'progress'],
    ['transfer', 'marks'],
    ['queue', 'delete-after-send'],
  ],
  receive: [['pairing'], ['senders'], ['connection'], ['isocket'], ['service']],
  store: [['retention', 'senders', 'session'], ['quota', 'manifest'], ['verify'], ['query']],
}

/** The kinds of destinations as data: the settings are made of them. They are beside the code that opens a kind. */
const isOfKinds = (file: string): boolean =>
  /^backends\/((kinds|fields)|\w+\/(kind|target))\.ts$/.test(path.relative(core, file))

const readImports = (file: string): string[] => {
  const specifiers = readFileSync(file, 'utf8').matchAll(/(?:from|import\(?)\s*'(\.[^']+\.ts)'/g)
  return [...specifiers].map(([, specifier = '']) => path.resolve(path.dirname(file), specifier))
}

test.each([
  ['', 500],
  ['lib', 1],
  ['backends', 20],
  ['send', 10],
  ['receive', 4],
  ['store', 5],
])('core layers: imports between the folders of core/%s go one way', (name, least) => {
  const root = path.join(core, name)
  const layers = layersByFolder[name] ?? []
  const getFolder = (file: string): string =>
    root === core && isOfKinds(file) ? 'kinds' : (path.relative(root, file).split(path.sep)[0] ?? '')
  const findLayer = (folder: string): number => layers.findIndex((layer) => layer.includes(folder))
  const wrong: string[] = []
  let looked = 0
  for (const file of globSync(path.join(root, '*/**/*.ts'))) {
    const from = getFolder(file)
    for (const imported of readImports(file)) {
      const to = getFolder(imported)
      // Not a folder: what all in this one may know, as core/platform/sqlite.ts; or what is above it.
      if (to.endsWith('.ts') || to === from || to === '..') continue
      looked += 1
      if (findLayer(to) === -1 || findLayer(to) >= findLayer(from))
        wrong.push(`${path.relative(core, file)} imports ${path.relative(core, imported)}`)
    }
  }
  expect(looked).toBeGreaterThan(least)
  expect(wrong).toEqual([])
})

/** Returns the files that are in a circle of imports, or import one that is; types count. Files that import none of the rest are not. */
function findCircles(files: readonly string[]): string[] {
  const left = new Map(files.map((file) => [file, readImports(file)]))
  for (let before = -1; before !== left.size; ) {
    before = left.size
    for (const [file, imported] of left) if (!imported.some((one) => left.has(one))) left.delete(file)
  }
  return [...left.keys()].map((file) => path.relative(core, file))
}

test('core files: none imports itself through others, also not for a type', () => {
  const files = globSync(path.join(core, '**/*.ts'))
  expect(files.length).toBeGreaterThan(300)
  expect(findCircles(files)).toEqual([])
})

test('sender layers: code outside backends/receiver imports only buffers, names, proposals and TLS of the protocol', () => {
  const opens = ['open.ts', 'options.ts', 'backend-messages.ts', 'folder/folder.ts'].map((name) =>
    path.join(core, 'backends', name),
  )
  const files = globSync(path.join(core, '{send/*,backends}/**/*.ts')).filter(
    (file) =>
      !file.includes('/backends/receiver/') &&
      !isOfKinds(file) &&
      !opens.includes(file) &&
      !/library\.ts$/.test(file),
  )
  const known = files.flatMap(readImports).map((file) => path.relative(core, file))
  expect(known.length).toBeGreaterThan(100)
  const wire = known.filter((file) => file.startsWith('protocol/') || file.includes('backends/receiver/'))
  expect(new Set(wire)).toEqual(
    new Set(['protocol/frame-buffers.ts', 'protocol/names.ts', 'protocol/proposal.ts', 'protocol/tls.ts']),
  )
})

test('agent layers: the agent imports only messages and pure modules of the processes that it runs', () => {
  const pure = [
    'check/health/disk-health.ts',
    'check/inspect.ts',
    'check/verdict.ts',
    'receive/senders/fleet.ts',
    'receive/service/evaluate.ts',
    'restore/choose.ts',
    'send/rate-limit/schedule.ts',
  ]
  const known = globSync(path.join(core, 'agent/**/*.ts')).flatMap(readImports)
  const parts = known
    .map((file) => path.relative(core, file))
    .filter((file) => /^(check|scan|send|receive|restore)\//.test(file))
  expect(parts.length).toBeGreaterThan(10)
  expect(parts.filter((file) => !file.endsWith('-messages.ts') && !pure.includes(file))).toEqual([])
})

test('window start: the modules that are loaded at the start do not import zod', () => {
  const seen = new Set<string>()
  const packages = new Set<string>()
  const follow = (file: string): void => {
    if (seen.has(file)) return
    seen.add(file)
    const found = readFileSync(file, 'utf8').matchAll(
      /^(?:import|export) (?!type )([^;]*?) from '([^']+)'/gms,
    )
    for (const [, names = '', from = ''] of found) {
      // Of types nothing is left when it runs.
      if (/^\{(\s*type \w+,?)+\s*\}$/.test(names)) continue
      if (!from.startsWith('.')) packages.add(from)
      else if (/\.tsx?$/.test(from)) follow(path.resolve(path.dirname(file), from))
    }
  }
  follow(path.resolve(core, '../renderer/main.tsx'))
  expect(seen.size).toBeGreaterThan(80)
  expect([...packages]).toContain('@mantine/core')
  expect([...packages]).not.toContain('zod')
})

test.each(['cli/agent/agent.ts', 'electron/main/desktop.ts'])(
  'alerts: %s does not load the modules of the channels at its start',
  (entry) => {
    const loaded = new Set<string>()
    const load = (file: string): void => {
      if (loaded.has(file)) return
      loaded.add(file)
      const specifiers = readFileSync(file, 'utf8').matchAll(
        /^(?:import|export)(?! type)[^'(]*'(\.[^']+\.ts)'/gm,
      )
      for (const [, specifier = ''] of specifiers) load(path.resolve(path.dirname(file), specifier))
    }
    load(path.resolve(core, '..', entry))
    expect(loaded).toContain(path.join(core, 'alerts/notifier.ts'))
    expect(loaded).not.toContain(path.join(core, 'alerts/channels/kinds.ts'))
  },
)

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { missingEntries } from '../../../build/complete-lock.mjs'

const lockFile = path.resolve(import.meta.dirname, '../../../package-lock.json')

test('`npm ci`: the lock file has every optional package (else: node build/complete-lock.mjs)', () => {
  expect(Object.keys(missingEntries(JSON.parse(readFileSync(lockFile, 'utf8'))))).toEqual([])
})

test('lock file: every entry has an integrity, on every system', () => {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as {
    packages: Record<string, { integrity?: string }>
  }
  const without = Object.entries(packages).filter(([place, { integrity }]) => place !== '' && !integrity)
  expect(without.map(([place]) => place)).toEqual([])
})

test('lock file completion: a missing platform package gets the version its parent requests, and its platform', () => {
  const lock = {
    packages: {
      '': { optionalDependencies: { ours: '1.0.0' } },
      'node_modules/tool': {
        dev: true,
        optionalDependencies: {
          'tool-linux-x64-musl': '2.0.1',
          'tool-darwin-arm64': '2.0.1',
          ranged: '^1.0.0',
        },
      },
      'node_modules/tool-darwin-arm64': { version: '2.0.1' },
    },
  }
  expect(missingEntries(lock)).toEqual({
    'node_modules/tool-linux-x64-musl': {
      version: '2.0.1',
      dev: true,
      optional: true,
      os: ['linux'],
      cpu: ['x64'],
      libc: ['musl'],
    },
  })
})

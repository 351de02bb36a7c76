import { expect, test } from 'vitest'
import { checkerConfig } from '../../../core/agent/workers/configs.ts'
import { probeKinds } from '../../../core/check/checker-messages.ts'
import { createDataDirectory } from '../../../core/settings/data-directory.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('checker settings: a path is written to where a person allows it, and keeps its time unless it is in a source', () => {
  const settings = settingsSchema.parse({
    sources: [
      { id: 'read', path: '/data/read', name: 'read', write: false },
      { id: 'write', path: '/data/write', name: 'write', write: true },
    ],
    checkedPaths: [
      { id: 'inside', path: '/data/read/inside', write: true },
      { id: 'outside', path: '/other', write: true },
      { id: 'quiet', path: '/quiet', write: false },
    ],
  })
  const layout = createDataDirectory(temporaryDirectory('layout'))
  const { paths } = checkerConfig(settings, layout, {})
  const found = paths.map(({ id, probes, keepsTime }) => [id, probes.includes('write'), keepsTime === true])
  expect(found.slice(0, 5)).toEqual([
    ['read', false, false],
    ['write', true, true],
    ['inside', true, false],
    ['outside', true, true],
    ['quiet', false, false],
  ])
  expect(paths[1]?.probes).toEqual(probeKinds)
})

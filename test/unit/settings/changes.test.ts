import { expect, test } from 'vitest'
import { withSourceChanged } from '../../../core/settings/changes.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'

test('limits that a hand has made impossible refuse only a change of limits', () => {
  const source = { id: 's', path: '/data', name: 'data', minimumBytes: 10, maximumBytes: 5 }
  const settings = settingsSchema.parse({ sources: [source] })
  expect(withSourceChanged(settings, 's', { paused: true }).sources[0]?.paused).toBe(true)
  expect(() => withSourceChanged(settings, 's', { minimumBytes: 20 })).toThrow('no file can be at least')
  expect(withSourceChanged(settings, 's', { maximumBytes: null }).sources[0]?.maximumBytes).toBeNull()
})

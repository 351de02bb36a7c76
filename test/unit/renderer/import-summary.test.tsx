import { expect, test } from 'vitest'
import { settingsSchema } from '../../../core/settings/schema.ts'
import { ImportSummary } from '../../../renderer/features/settings/import-summary.tsx'
import { renderWords } from './rendered.tsx'

test('settings import: the summary shows counts before and after, and that secrets are not in the file', () => {
  const now = settingsSchema.parse({
    sources: ['photos', 'films'].map((name) => ({ id: name, path: `/${name}`, name })),
    checkedPaths: [{ id: 'c', path: '/mnt' }],
  })
  const channels = [{ id: 'team', name: 'Team', type: 'telegram', options: { chat: '-100' } }]
  const next = settingsSchema.parse({ alerts: { channels } })
  const words = renderWords(<ImportSummary now={now} next={next} />)
  expect(words).toContain('Folders 2 → 0 Only checked 1 → 0 Destinations 0 → 0 Notification channels 0 → 1')
  expect(words).toContain('Passwords, tokens and keys are not in the file.')
})

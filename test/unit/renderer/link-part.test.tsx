import { expect, test } from 'vitest'
import { LinkPart } from '../../../renderer/features/overview/link-part.tsx'
import { sourceState } from './fake-state.ts'
import { renderWords } from './rendered.tsx'

const source = sourceState('run-7', '/data/run-7')
const settings = { ...source.settings, link: '/data/current' }
const checked = { ...source.checked, leadsTo: '/data/run-8' } as NonNullable<typeof source.checked>

test('source link: the window shows the directory in use, and offers a choice if the link now leads elsewhere', () => {
  expect(renderWords(<LinkPart settings={source.settings} checked={null} />).trim()).toBe('')
  expect(renderWords(<LinkPart settings={settings} checked={null} />)).toContain('/data/run-7 is used')
  const moved = renderWords(<LinkPart settings={settings} checked={checked} />)
  expect(moved).toContain('/data/current leads to /data/run-8 now')
  expect(moved).toMatch(/Use \/data\/run-8.*Keep \/data\/run-7/)
  const gone = renderWords(<LinkPart settings={settings} checked={{ ...checked, leadsTo: null }} />)
  expect(gone).toContain('no longer leads anywhere')
  expect(gone).not.toContain('Use /data')
})

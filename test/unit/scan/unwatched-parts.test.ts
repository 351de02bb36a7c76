import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createNameFilter } from '../../../core/filter/exclusion-rules.ts'
import { UnwatchedParts } from '../../../core/watch/unwatched-parts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('unwatched directories: a change is found when the next look is due, and not looked for before', () => {
  const root = temporaryDirectory('unwatched')
  mkdirSync(path.join(root, 'd/in'), { recursive: true })
  const clock = vi.spyOn(performance, 'now').mockReturnValue(10_000)
  onTestFinished(() => clock.mockRestore())
  const filter = createNameFilter({ ignore: [], marks: [] })
  const parts = new UnwatchedParts({ root, filter, isLeftOut: () => false })
  onTestFinished(() => parts.close())
  expect(parts.nextDue).toBe(Number.POSITIVE_INFINITY)
  parts.set(['d'])
  parts.work()
  expect(parts.take()).toEqual(['d', 'd/in'])
  parts.work()
  expect(parts.nextDue).toBe(11_000)

  writeFileSync(path.join(root, 'd/in/new'), 'new')
  clock.mockReturnValue(10_999)
  parts.work()
  expect(parts.take()).toEqual([])
  clock.mockReturnValue(11_000)
  parts.work()
  expect(parts.take()).toEqual(['d/in'])
})

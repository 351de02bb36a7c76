import { expect, onTestFinished, test, vi } from 'vitest'
import { startBatch } from '../../../core/scan/batch/session.ts'
import type { SessionContext } from '../../../core/scan/session.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { quietTree } from '../../support/scan-quiet-tree.ts'
import { until } from '../../support/until.ts'

/** A disk that is mounted as a batch directory, and gives its answer when it is told to. */
const disk = vi.hoisted(() => {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { looks: 0, promise, answer: resolve }
})
vi.mock('../../../core/scan/batch/look.ts', async (original) => ({
  ...(await original<typeof import('../../../core/scan/batch/look.ts')>()),
  lookAtBatches: async () => {
    disk.looks += 1
    return { batches: [], unsendable: [], skipped: [], late: [disk.promise] }
  },
}))

test('many looks wait for a disk that hangs as one does, and it is looked at once it answers', async () => {
  const then = vi.spyOn(disk.promise, 'then')
  const context: Partial<SessionContext> = {
    source: sourceSchema.parse({ id: 's', name: 'data', kind: 'batch', path: '/data' }),
    root: '/data',
    signal: new AbortController().signal,
    openTree: async () => quietTree,
    sweep: () => () => undefined,
    update: () => undefined,
  }
  const session = startBatch(context as SessionContext)
  onTestFinished(() => session.stop())
  for (let count = 0; count < 100; count += 1) await session.reconcile()
  expect(disk.looks).toBeGreaterThanOrEqual(100)
  expect(then).toHaveBeenCalledTimes(1)
  const before = disk.looks
  disk.answer()
  await until('it is looked at again', () => disk.looks > before)
})

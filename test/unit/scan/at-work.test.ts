import { mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createSemaphore } from '../../../core/lib/async/semaphore.ts'
import { BatchEffects, type BatchServices } from '../../../core/scan/batch/effects.ts'
import type { Deletions } from '../../../core/scan/reconcile/recent-deletions.ts'
import type { SessionContext } from '../../../core/scan/source-session.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { OwnPlaces } from '../../../core/walk/own-places.ts'
import { isAtWork, probeWriters } from '../../../core/watch/open-writers.ts'
import { quietTree } from '../../support/scan/quiet-tree.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const QUIET_MS = 5_000

const disk = vi.hoisted(() => ({ type: '' }))
vi.mock('../../../core/platform/mounts.ts', async (original) => ({
  ...(await original<typeof import('../../../core/platform/mounts.ts')>()),
  readMounts: () => [
    { id: 1, device: '0:1', point: '/', options: [], type: disk.type, source: '', superOptions: [] },
  ],
}))
// As NFSv4 and SMB answer for each file.
const hasWriter = vi.hoisted(() => vi.fn(() => 'yes'))
vi.mock('../../../core/platform/libc.ts', async (original) => ({
  ...(await original<typeof import('../../../core/platform/libc.ts')>()),
  hasWriter,
}))
beforeEach(() => void hasWriter.mockClear())

const getState = async (root: string, isClosed = false) =>
  isAtWork(await probeWriters(root, 'x.tmp'), { quietMs: QUIET_MS, isClosed }) ? 'at-work' : 'at-rest'

function leftBehind(): { root: string; file: string } {
  const root = temporaryDirectory('at-work')
  const file = path.join(root, 'x.tmp')
  writeFileSync(file, '')
  utimesSync(file, 1, 1)
  return { root, file }
}

describe.skipIf(process.platform !== 'linux')('writer detection of temporary files', () => {
  test('a file with an open writer counts as being written, whatever its age', async () => {
    disk.type = 'ext4'
    expect(await getState(leftBehind().root)).toBe('at-work')
    expect(await getState(leftBehind().root, true)).toBe('at-work')
  })

  test('a file on NFS is judged by its time alone, because every file there reports a writer', async () => {
    disk.type = 'nfs4'
    const { root, file } = leftBehind()
    expect(await getState(root)).toBe('at-rest')
    const now = new Date()
    utimesSync(file, now, now)
    expect(await getState(root)).toBe('at-work')
  })

  test('a batch listing probes for writers only if the directory was overtaken', async () => {
    disk.type = 'ext4'
    const { root, file } = leftBehind()
    mkdirSync(path.join(root, 'DC1'))
    renameSync(file, path.join(root, 'DC1/x.tmp'))
    const logged: string[] = []
    const context: Partial<SessionContext> = {
      own: new OwnPlaces([]),
      ownPaths: new Set(),
      ...{ root, destinations: [], quietMs: QUIET_MS, signal: new AbortController().signal },
      source: sourceSchema.parse({ id: 's', name: 'data', kind: 'batch', path: root }),
      scope: { oneFileSystem: false, away: () => [] },
      finished: () => undefined,
      deletions: { found: () => undefined } as Partial<Deletions> as Deletions,
      log: (line) => void logged.push(line),
    }
    const host = { context: context as SessionContext, listings: createSemaphore(1), watcher: quietTree }
    const found = {
      name: 'DC1',
      identity: '',
      signal: new AbortController().signal,
      brought: () => undefined,
    }
    const effects = new BatchEffects(host as unknown as BatchServices, found)
    expect(await effects.list(false)).toEqual({ found: 0, closed: false, isEmpty: false })
    expect(hasWriter).not.toHaveBeenCalled()
    expect(await effects.list(true)).toEqual({ found: 1, closed: false, isEmpty: false })
    expect(await effects.list(true)).toEqual({ found: 1, closed: false, isEmpty: false })
    expect(logged).toEqual(['DC1/x.tmp is being written: DC1 is not marked before it has its name'])
  })
})

import { closeSync, fsyncSync, openSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { forgetCached } from '../../../core/platform/native.ts'
import { cachedPages } from '../../support/store/cached-pages.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const TMPFS = 0x01021994
const BYTES = 1024 * 1024
const isOnDisk = process.platform === 'linux' && statfsSync(tmpdir()).type !== TMPFS

test.skipIf(!isOnDisk)(
  'page cache: `forgetCached` drops the cached pages of a synced file (needs a disk)',
  async () => {
    const fd = openSync(path.join(temporaryDirectory('cache'), 'file'), 'w+')
    try {
      writeSync(fd, Buffer.alloc(BYTES, 'x'))
      fsyncSync(fd)
      expect(cachedPages(fd)).toBeGreaterThan(0)
      await forgetCached(fd)
      expect(cachedPages(fd)).toBe(0)
    } finally {
      closeSync(fd)
    }
  },
)

import { closeSync, fsyncSync, openSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import koffi from 'koffi'
import { expect, test } from 'vitest'
import { forgetCached } from '../../../core/files/page-cache.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const TMPFS = 0x01021994
const BYTES = 1024 * 1024
const PROT_READ = 1
const MAP_SHARED = 1
const isOnDisk = process.platform === 'linux' && statfsSync(tmpdir()).type !== TMPFS

/** How many pages of a file the kernel has in memory: mincore(2). A mapping alone brings none there. */
function cachedPages(fd: number): number {
  const libc = koffi.load(null)
  const map = libc.func('void *mmap(void *at, size_t bytes, int protection, int flags, int fd, long offset)')
  const ask = libc.func('int mincore(void *at, size_t bytes, uint8_t *pages)')
  const unmap = libc.func('int munmap(void *at, size_t bytes)')
  const at: unknown = map(null, BYTES, PROT_READ, MAP_SHARED, fd, 0)
  const pages = Buffer.alloc(BYTES / 4096)
  expect(ask(at, BYTES, pages)).toBe(0)
  unmap(at, BYTES)
  return pages.filter((page) => (page & 1) !== 0).length
}

test.skipIf(!isOnDisk)('what the kernel has kept of a synced file is forgotten (needs a disk)', async () => {
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
})

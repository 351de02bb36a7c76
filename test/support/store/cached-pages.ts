import { fstatSync } from 'node:fs'
import koffi from 'koffi'

const PROT_READ = 1
const MAP_SHARED = 1
const PAGE_BYTES = 4096

/** How many pages of a file the kernel has in memory: mincore(2). A mapping alone brings none there. */
export function cachedPages(fd: number): number {
  const bytes = fstatSync(fd).size
  const libc = koffi.load(null)
  const map = libc.func('void *mmap(void *at, size_t bytes, int protection, int flags, int fd, long offset)')
  const ask = libc.func('int mincore(void *at, size_t bytes, uint8_t *pages)')
  const unmap = libc.func('int munmap(void *at, size_t bytes)')
  const at: unknown = map(null, bytes, PROT_READ, MAP_SHARED, fd, 0)
  const pages = Buffer.alloc(Math.ceil(bytes / PAGE_BYTES))
  if (ask(at, bytes, pages) !== 0) throw new Error('mincore failed')
  unmap(at, bytes)
  return pages.filter((page) => (page & 1) !== 0).length
}

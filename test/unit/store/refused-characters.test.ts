import path from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { openLarge, sendLarge, smallFile } from '../../support/store/large-files.ts'
import { readTree } from '../../support/transfer/transfer.ts'

/** The call with a name that the file system of the test refuses, as FAT (rename, mkdir) or SMB (lookups) do. */
const disk = vi.hoisted(() => ({ refusing: '' }))
const refuse = vi.hoisted(() => (call: string, name: string) => {
  if (disk.refusing === call && name.split('/').at(-1)?.includes('?'))
    throw Object.assign(new Error(`no such names: ${name}`), { code: 'EINVAL' })
})
// Kernels are built without FAT, and where it is there, a test needs its tools and root.
vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: (await import('../../support/threads-here.ts')).ThreadHere,
}))
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>()
  return {
    ...real,
    linkSync(from: string, to: string) {
      refuse('name', to)
      real.linkSync(from, to)
    },
    mkdirSync(...words: Parameters<typeof real.mkdirSync>) {
      refuse('mkdir', `${words[0]}`)
      return real.mkdirSync(...words)
    },
    openSync(...words: Parameters<typeof real.openSync>) {
      refuse('lookup', `${words[0]}`)
      return real.openSync(...words)
    },
  }
})
vi.mock('../../../core/platform/libc.ts', async (original) => {
  const real = await original<typeof import('../../../core/platform/libc.ts')>()
  return {
    ...real,
    linkOpenFile(...words: Parameters<typeof real.linkOpenFile>) {
      const isRefused = disk.refusing === 'name' && words[2].includes('?')
      return isRefused ? 'EINVAL' : real.linkOpenFile(...words)
    },
    openat2(...words: Parameters<typeof real.openat2>) {
      refuse('lookup', words[1])
      return real.openat2(...words)
    },
  }
})

beforeEach(() => {
  disk.refusing = ''
})

const content = Buffer.from('content')
const refused = { status: 'name', detail: 'characters' }

describe('name with characters that the store’s file system refuses', () => {
  for (const [call, name] of [
    ['name', 'what?'],
    ['lookup', 'what?/file'],
    ['mkdir', 'what?/file'],
  ] as const)
    test(`is refused with its reason when ${call} fails, and other files are stored`, async () => {
      const at = await openLarge()
      disk.refusing = call
      const send = (file: string) => at.store.receive(smallFile(at.source, file, content))
      const outcomes = await Promise.all([send(name), send('good'), send('other/good')])
      expect(outcomes).toMatchObject([
        refused,
        { status: 'durable', detail: '' },
        { status: 'durable', detail: '' },
      ])
      expect((await sendLarge(at, name, content)).status).toBe('name')
      expect(Object.keys(at.stored()).sort()).toEqual(['good', 'other/good'])
      for (const place of ['tmp', 'partial', 'versions'])
        expect([place, readTree(path.join(at.root, '.holdfast', place))]).toEqual([place, {}])
    })
})

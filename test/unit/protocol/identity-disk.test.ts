import fs from 'node:fs'
import { beforeEach, expect, test, vi } from 'vitest'
import { loadIdentity } from '../../../core/protocol/identity.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** What the disk of the test answers, and which directories were synced with which names in them. */
const disk = vi.hoisted(() => ({ read: '', link: '', synced: [] as string[][] }))
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const failing = (code: string) => Object.assign(new Error(code), { code })
  return {
    ...real,
    async readFile(file: string, ...options: never[]) {
      if (disk.read !== '' && file.endsWith('identity.pem')) throw failing(disk.read)
      return real.readFile(file, ...options)
    },
    async link(from: string, to: string) {
      if (disk.link !== '') throw failing(disk.link)
      await real.link(from, to)
    },
  }
})
vi.mock('../../../core/platform/fd.ts', async (original) => {
  const real = await original<typeof import('../../../core/platform/fd.ts')>()
  return {
    ...real,
    async syncDirectory(directory: string) {
      disk.synced.push(fs.readdirSync(directory).sort())
      await real.syncDirectory(directory)
    },
  }
})

beforeEach(() => Object.assign(disk, { read: '', link: '', synced: [] }))

test.each(['EMFILE', 'EIO', 'EACCES'])(
  'identity: a certificate that is temporarily unreadable (%s) is kept and used again later',
  async (code) => {
    const directory = temporaryDirectory('identity')
    const made = await loadIdentity(directory)
    disk.read = code
    const sentence = { key: 'transfer.identityUnreadable', params: { reason: code } }
    await expect(loadIdentity(directory)).rejects.toMatchObject({ sentence })
    expect(fs.readdirSync(directory)).toEqual(['identity.pem'])
    disk.read = ''
    expect(await loadIdentity(directory)).toEqual(made)
  },
)

test.each(['', 'EPERM', 'ENOTSUP'])(
  'identity: a new certificate is durable under its name, whatever link(2) returns (%j): FAT has no links',
  async (code) => {
    disk.link = code
    const directory = temporaryDirectory('identity')
    const made = await loadIdentity(directory)
    expect(await loadIdentity(directory)).toEqual(made)
    expect(disk.synced).toEqual([['identity.pem']])
  },
)

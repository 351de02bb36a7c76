import path from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { digestOf, factsOf } from '../../support/file-facts.ts'
import { openLarge, sendLarge } from '../../support/large-files.ts'
import { treeOf } from '../../support/transfer.ts'

/** The call with a name that the file system of the test refuses, as FAT (rename, mkdir) or SMB (lstat) do. */
const disk = vi.hoisted(() => ({ refusing: '' }))
// Kernels are built without FAT, and where it is there, a test needs its tools and root.
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const refuse = (call: string, name: string) => {
    if (disk.refusing === call && path.basename(name).includes('?'))
      throw Object.assign(new Error(`no such names: ${name}`), { code: 'EINVAL' })
  }
  return {
    ...real,
    async rename(from: string, to: string) {
      refuse('rename', to)
      await real.rename(from, to)
    },
    async mkdir(...words: Parameters<typeof real.mkdir>) {
      refuse('mkdir', `${words[0]}`)
      return real.mkdir(...words)
    },
    async lstat(...words: Parameters<typeof real.lstat>) {
      refuse('lstat', `${words[0]}`)
      return real.lstat(...words)
    },
  }
})

beforeEach(() => {
  disk.refusing = ''
})

const content = Buffer.from('content')
const refused = { status: 'name', detail: 'characters' }

describe('a name with characters that the store’s file system does not have', () => {
  for (const [call, name] of [
    ['rename', 'what?'],
    ['lstat', 'what?'],
    ['mkdir', 'what?/file'],
  ] as const)
    test(`is refused as such where ${call} says so, and costs no other file anything`, async () => {
      const { root, store, stored } = openLarge()
      disk.refusing = call
      const send = (file: string) => store.receive(factsOf(file, content.length), content, digestOf(content))
      const outcomes = await Promise.all([send(name), send('good'), send('other/good')])
      expect(outcomes).toEqual([
        refused,
        { status: 'durable', detail: '' },
        { status: 'durable', detail: '' },
      ])
      expect((await sendLarge(store, name, content)).status).toBe('name')
      expect(Object.keys(stored()).sort()).toEqual(['good', 'other/good'])
      for (const place of ['tmp', 'partial', 'versions'])
        expect([place, treeOf(path.join(root, '.holdfast', place))]).toEqual([place, {}])
    })
})

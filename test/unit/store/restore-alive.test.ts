import fs from 'node:fs'
import path from 'node:path'
import { expect, test, vi } from 'vitest'
import { openRestoring } from '../../support/store/restoring.ts'

const MIB = 1024 * 1024

/** How long each file was whenever it was synced. */
const synced = vi.hoisted(() => [] as number[])
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  const fsync = (fd: number, done: fs.NoParamCallback) => {
    synced.push(real.fstatSync(fd).size)
    real.fsync(fd, done)
  }
  return { ...real, default: real, fsync }
})

/** Restores, and counts the signs of life. */
async function setUp() {
  const world = await openRestoring()
  const restore = async () => {
    let signs = 0
    const progress = () => {
      signs += 1
    }
    const { summary } = await world.restore(path.join(world.base, 'to'), { progress })
    return { summary, signs }
  }
  return { ...world, restore }
}

test('restore: a large file is synced every 32 MiB while it is written, so that the last sync is short', async () => {
  const { put, restore } = await setUp()
  await put('large', Buffer.alloc(66 * MIB, 1))
  expect((await restore()).summary).toMatchObject({ restored: 1 })
  expect(synced).toEqual(expect.arrayContaining([32 * MIB, 64 * MIB]))
})

test('restore: comparing an existing file reports progress for each MiB', async () => {
  const { put, restore } = await setUp()
  await put('large', Buffer.alloc(8 * MIB))
  await restore()
  const { summary, signs } = await restore()
  expect(summary).toMatchObject({ same: 1 })
  // It is read in pieces of 1 MiB.
  expect(signs).toBeGreaterThanOrEqual(8)
})

test('restore: looking for missing files reports progress for each of them', async () => {
  const { root, store, source, put, restore } = await setUp()
  await Promise.all(Array.from({ length: 60 }, (_, index) => put(`gone-${index}`, 'x')))
  fs.rmSync(path.join(root, source.folder), { recursive: true })
  await store.close()
  const { summary, signs } = await restore()
  expect(summary).toMatchObject({ failed: 60 })
  expect(signs).toBeGreaterThanOrEqual(60)
})

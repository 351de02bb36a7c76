import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { bornAt } from '../../../core/scan/batch/look.ts'
import { createMark } from '../../../core/scan/batch/mark.ts'
import { identityOf } from '../../../core/scan/batch/rules.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** The calls that make a mark durable, in their order; every one of them is carried out. */
const calls = vi.hoisted((): string[] => [])
const failing = vi.hoisted((): { call: string | null } => ({ call: null }))

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const told = (handle: FileHandle, name: string) =>
    new Proxy(handle, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        return (...given: unknown[]) => {
          calls.push(`${String(property)} ${name}`)
          if (failing.call === property) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
          return value.apply(target, given)
        }
      },
    })
  return {
    ...real,
    open: async (...given: Parameters<typeof real.open>) => {
      const name = path.basename(String(given[0]))
      calls.push(`open ${name}`)
      return told(await real.open(...given), name)
    },
  }
})
vi.mock('../../../core/wire/fd.ts', async (original) => {
  const real = await original<typeof import('../../../core/wire/fd.ts')>()
  return {
    ...real,
    syncDirectory: (directory: string) => {
      calls.push(`sync directory ${path.basename(directory)}`)
      return real.syncDirectory(directory)
    },
  }
})

beforeEach(() => {
  calls.length = 0
  failing.call = null
})

function batch(): { directory: string; identity: string } {
  const directory = path.join(temporaryDirectory('mark'), 'DC1')
  mkdirSync(directory)
  const stats = statSync(directory, { bigint: true })
  return { directory, identity: identityOf({ inode: stats.ino, bornAtNs: bornAt(stats) }) }
}

const WATCH = 'finished.watch'

test('the mark is synced after its time is set, and its directory after the mark', async () => {
  const { directory, identity } = batch()
  await createMark(directory, WATCH, identity)
  expect(calls).toEqual([
    `open ${WATCH}`,
    `utimes ${WATCH}`,
    `sync ${WATCH}`,
    `close ${WATCH}`,
    'sync directory DC1',
  ])
})

test('a mark that is there already may not be durable yet: its directory is synced all the same', async () => {
  const { directory, identity } = batch()
  await createMark(directory, WATCH, identity)
  calls.length = 0
  await createMark(directory, WATCH, identity)
  expect(calls).toEqual([`open ${WATCH}`, 'sync directory DC1'])
})

test('a mark that cannot be synced is an error, and its file is closed', async () => {
  const { directory, identity } = batch()
  failing.call = 'sync'
  await expect(createMark(directory, WATCH, identity)).rejects.toMatchObject({ code: 'EIO' })
  expect(calls.at(-1)).toBe(`close ${WATCH}`)
})

test('a directory that took the name of the one that was sent gets no mark', async () => {
  const { directory, identity } = batch()
  renameSync(directory, `${directory}-old`)
  mkdirSync(directory)
  await expect(createMark(directory, WATCH, identity)).rejects.toMatchObject({ code: 'ENOENT' })
  expect(readdirSync(directory)).toEqual([])
})

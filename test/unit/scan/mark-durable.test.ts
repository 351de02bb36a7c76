import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { createMark } from '../../../core/scan/batch/effects.ts'
import { getIdentity } from '../../../core/scan/batch/rules.ts'
import { bornAt } from '../../../core/walk/scanned-file.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** The calls that make a mark durable, in their order; every one of them is carried out. */
const calls = vi.hoisted((): string[] => [])
const before = vi.hoisted((): { call: string; happens: () => void } => ({
  call: '',
  happens: () => undefined,
}))

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const told = (handle: FileHandle, name: string) =>
    new Proxy(handle, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        if (property === 'stat') return value.bind(target)
        return (...given: unknown[]) => {
          calls.push(`${String(property)} ${name}`)
          if (before.call === calls.at(-1)) before.happens()
          return value.apply(target, given)
        }
      },
    })
  return {
    ...real,
    open: async (...given: Parameters<typeof real.open>) => {
      const name = path.basename(String(given[0]))
      calls.push(`open ${name}`)
      if (before.call === calls.at(-1)) before.happens()
      return told(await real.open(...given), name)
    },
  }
})
beforeEach(() => {
  calls.length = 0
  before.call = ''
})

function batch(): { directory: string; identity: string } {
  const directory = path.join(temporaryDirectory('mark'), 'DC1')
  mkdirSync(directory)
  const stats = statSync(directory, { bigint: true })
  return { directory, identity: getIdentity({ inode: stats.ino, bornAtNs: bornAt(stats) }) }
}

const WATCH = 'finished.watch'

test('batch mark: the mark is synced after its time is set, and its directory after the mark', async () => {
  const { directory, identity } = batch()
  await createMark(directory, WATCH, identity)
  expect(calls).toEqual([
    'open DC1',
    `open ${WATCH}`,
    `utimes ${WATCH}`,
    `sync ${WATCH}`,
    'sync DC1',
    `close ${WATCH}`,
    'close DC1',
  ])
})

test('batch mark: an existing mark is not written again, and its directory is synced', async () => {
  const { directory, identity } = batch()
  await createMark(directory, WATCH, identity)
  calls.length = 0
  await createMark(directory, WATCH, identity)
  expect(calls).toEqual(['open DC1', `open ${WATCH}`, 'sync DC1', 'close DC1'])
})

test('batch mark: an existing mark is kept on Windows without opening the directory', async () => {
  const { directory, identity } = batch()
  vi.spyOn(process, 'platform', 'get').mockReturnValue('win32')
  onTestFinished(() => void vi.restoreAllMocks())
  await createMark(directory, WATCH, identity)
  calls.length = 0
  await createMark(directory, WATCH, identity)
  expect(calls).toEqual([`open ${WATCH}`])
})

test.each([`utimes ${WATCH}`, `sync ${WATCH}`, 'sync DC1'])(
  'batch mark: a failure of "%s" leaves no mark, and the next attempt creates it',
  async (call) => {
    const { directory, identity } = batch()
    before.call = call
    before.happens = () => {
      throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
    }
    await expect(createMark(directory, WATCH, identity)).rejects.toMatchObject({ code: 'EIO' })
    expect(calls.slice(-2)).toEqual([`close ${WATCH}`, 'close DC1'])
    expect(readdirSync(directory)).toEqual([])
    before.call = ''
    await createMark(directory, WATCH, identity)
    expect(readdirSync(directory)).toEqual([WATCH])
  },
)

test.each([`open ${WATCH}`, `utimes ${WATCH}`])(
  'batch mark: a directory that takes over the name during "%s" gets no mark (Linux)',
  async (moment) => {
    const { directory, identity } = batch()
    before.call = moment
    before.happens = () => {
      renameSync(directory, `${directory}-old`)
      mkdirSync(directory)
    }
    await createMark(directory, WATCH, identity)
    expect([readdirSync(directory), readdirSync(`${directory}-old`)]).toEqual([[], [WATCH]])
  },
)

test('batch mark: a directory that took over the name of the sent one gets no mark', async () => {
  const { directory, identity } = batch()
  renameSync(directory, `${directory}-old`)
  mkdirSync(directory)
  await expect(createMark(directory, WATCH, identity)).rejects.toMatchObject({ code: 'ENOENT' })
  expect(readdirSync(directory)).toEqual([])
})

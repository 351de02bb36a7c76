import type fs from 'node:fs'
import { readdirSync } from 'node:fs'
import { beforeEach, expect, test, vi } from 'vitest'
import { Spool } from '../../../core/restore/write/spool.ts'
import { removeUnfinished } from '../../../core/restore/write/write-files.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const disk = vi.hoisted(() => ({ open: new Map<number, unknown>(), isBroken: false }))
// No CIFS can be mounted everywhere: its answer to the removal of an open file stands for it.
vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  return {
    ...real,
    openSync(...words: Parameters<typeof fs.openSync>) {
      const fd = real.openSync(...words)
      disk.open.set(fd, words[0])
      return fd
    },
    closeSync(fd: number) {
      disk.open.delete(fd)
      real.closeSync(fd)
    },
    rmSync(...words: Parameters<typeof fs.rmSync>) {
      if (disk.isBroken || [...disk.open.values()].includes(words[0]))
        throw Object.assign(new Error('busy'), { code: 'EBUSY' })
      real.rmSync(...words)
    },
  }
})

beforeEach(() => {
  disk.isBroken = false
})

/** A spool with values in its file, and all that it yields. */
function fill(destination: string) {
  const spool = new Spool<{ destination: string }, number>()
  const part = { destination }
  const values = Array.from({ length: 600 }, (_, index) => index)
  for (const value of values) spool.add(part, value)
  const read = [...spool.read()].flatMap((one) => [...one.values])
  return { spool, values, read }
}

test('spool: a file that cannot be removed while it is open is removed when it is closed', () => {
  const destination = temporaryDirectory('spool')
  const { spool, values, read } = fill(destination)
  expect(read).toEqual(values)
  expect(readdirSync(destination)).toHaveLength(1)
  removeUnfinished()
  spool.close()
  expect([...disk.open.values()]).toEqual([])
  expect(readdirSync(destination)).toEqual([])
})

test('spool: a file that cannot be removed when it is closed, either, is removed with the unfinished files', () => {
  const destination = temporaryDirectory('spool')
  const { spool } = fill(destination)
  disk.isBroken = true
  spool.close()
  removeUnfinished()
  expect([...disk.open.values()]).toEqual([])
  expect(readdirSync(destination)).toHaveLength(1)
  disk.isBroken = false
  removeUnfinished()
  expect(readdirSync(destination)).toEqual([])
})

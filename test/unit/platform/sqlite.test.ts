import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabaseFile, readDatabaseFile } from '../../../core/platform/sqlite.ts'
import { fillDisk } from '../../support/destinations/disk-place.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('database: a sync reaches the disk on macOS, too', () => {
  const kind = { version: 1, schema: 'CREATE TABLE one (id)', tables: ['one'], pragmas: '' }
  const { database } = openDatabaseFile(path.join(temporaryDirectory('database'), 'one.db'), kind)
  onTestFinished(() => database.close())
  const read = (name: string) => database.prepare(`PRAGMA ${name}`).get()
  expect(read('fullfsync')).toEqual({ fullfsync: 1 })
  expect(read('checkpoint_fullfsync')).toEqual({ checkpoint_fullfsync: 1 })
})

test.runIf(canMount).each(['closed', 'left by a process that was killed'])(
  'database: on a full disk one that was %s is read to its last row, and written when there is room',
  async (state) => {
    const { point } = await mountTmpfs(onTestFinished, { megabytes: 2 })
    const file = path.join(point, 'one.db')
    const kind = {
      ...{ version: 1, schema: 'CREATE TABLE one (id)', tables: ['one'] },
      pragmas: 'PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0',
    }
    const { database } = openDatabaseFile(file, kind)
    database.exec('INSERT INTO one VALUES (7)')
    const parts = [file, `${file}-wal`].map((part) => [part, fs.readFileSync(part)] as const)
    database.close()
    if (state !== 'closed') for (const [part, bytes] of parts) fs.writeFileSync(part, bytes)
    const makeRoom = fillDisk(point, 0)
    const read = readDatabaseFile(file, kind)
    if (read === null || typeof read === 'string') throw new Error(`${read}`)
    expect(read.prepare('SELECT id FROM one').all()).toEqual([{ id: 7 }])
    expect(() => read.exec('INSERT INTO one VALUES (8)')).toThrow()
    read.close()
    makeRoom()
    const next = openDatabaseFile(file, kind).database
    next.exec('INSERT INTO one VALUES (9)')
    expect(next.prepare('SELECT id FROM one').all()).toEqual([{ id: 7 }, { id: 9 }])
    next.close()
  },
)

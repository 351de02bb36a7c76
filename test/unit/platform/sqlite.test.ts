import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openDatabaseFile } from '../../../core/platform/sqlite.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('database: a sync reaches the disk on macOS, too', () => {
  const kind = { version: 1, schema: 'CREATE TABLE one (id)', tables: ['one'], pragmas: '' }
  const { database } = openDatabaseFile(path.join(temporaryDirectory('database'), 'one.db'), kind)
  onTestFinished(() => database.close())
  const read = (name: string) => database.prepare(`PRAGMA ${name}`).get()
  expect(read('fullfsync')).toEqual({ fullfsync: 1 })
  expect(read('checkpoint_fullfsync')).toEqual({ checkpoint_fullfsync: 1 })
})

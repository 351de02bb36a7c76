import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, test } from 'vitest'
import { openLedger, readLedger } from '../../../core/ledger/ledger.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('ledger reader: a ledger of a newer version is rejected', () => {
  const file = path.join(temporaryDirectory('read-ledger'), 'ledger.db')
  expect(readLedger(file)).toBeNull()
  openLedger(file).close()
  readLedger(file)?.close()
  const database = new DatabaseSync(file)
  database.exec('PRAGMA user_version = 99')
  database.close()
  expect(() => readLedger(file)).toThrow(/it is newer/)
})

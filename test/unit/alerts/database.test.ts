import { existsSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openAlertDatabase } from '../../../core/alerts/store/database.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

test('alert database: opening it creates no store directory while the disk of the store is missing', () => {
  const store = path.join(temporaryDirectory('mount-point'), 'store')
  expect(() => openAlertDatabase(path.join(store, '.holdfast/alerts.db'))).toThrow()
  expect(existsSync(store)).toBe(false)
})

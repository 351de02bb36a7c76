import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, it } from 'vitest'
import { ask, HOUR, open, START, total, write } from '../../support/check/history.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

describe('check history file', () => {
  it.each([
    [
      'a text file',
      (file: string) =>
        writeFileSync(file, 'not a database at all, but long enough to be looked at'.repeat(99)),
      'check.historyBroken',
      'broken',
    ],
    [
      'another database',
      (file: string) => new DatabaseSync(file).exec('CREATE TABLE other (x)'),
      'check.historyBroken',
      'broken',
    ],
    [
      'a history of an unreleased version',
      (file: string) =>
        new DatabaseSync(file).exec(`
          CREATE TABLE path (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE raw (key, points);
          PRAGMA user_version = 1`),
      'check.historyBroken',
      'broken',
    ],
    [
      'a newer history',
      (file: string) => new DatabaseSync(file).exec('PRAGMA user_version = 99'),
      'check.historyNewer',
      'newer',
    ],
  ] as const)('sets %s aside, reports it, and starts an empty history', (_, make, key, ending) => {
    const directory = temporaryDirectory('history')
    const file = path.join(directory, 'history.db')
    make(file)
    const { store, told } = open(file)
    expect(told).toMatchObject([{ key, params: { path: file } }])
    expect(readdirSync(directory).some((name) => name.startsWith(`history.db.${ending}-`))).toBe(true)
    write(store, [{ at: START }])
    expect(total(ask(store, START, START + HOUR, 10).points)).toBe(1)
  })

  it('throws the system error if the file cannot be created', () => {
    const file = path.join(temporaryDirectory('history'), 'history.db')
    mkdirSync(file)
    expect(() => open(file)).toThrow(/unable to open/)
  })
})

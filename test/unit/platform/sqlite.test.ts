import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  closeDatabaseFile,
  openDatabaseFile,
  readDatabaseFile,
  setAside,
} from '../../../core/platform/sqlite.ts'
import { fillDisk } from '../../support/destinations/disk-place.ts'
import { canMount, mountTmpfs } from '../../support/faults/mounts.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

test('database: a sync reaches the disk on macOS, too', () => {
  const kind = { version: 1, schema: 'CREATE TABLE one (id)', tables: ['one'], pragmas: '' }
  const { database } = openDatabaseFile(path.join(temporaryDirectory('database'), 'one.db'), kind)
  onTestFinished(() => database.close())
  const read = (name: string) => database.prepare(`PRAGMA ${name}`).get()
  expect(read('fullfsync')).toEqual({ fullfsync: 1 })
  expect(read('checkpoint_fullfsync')).toEqual({ checkpoint_fullfsync: 1 })
})

const kind = {
  version: 1,
  schema: 'CREATE TABLE one (id)',
  tables: ['one'],
  pragmas: 'PRAGMA journal_mode = WAL',
}

/** True if the process waits for the lock beside the file; always true where a system does not list open files. */
const waitsForLock = ({ pid }: ChildProcess, file: string): boolean =>
  process.platform !== 'linux' ||
  fs.readdirSync(`/proc/${pid}/fd`).some((fd) => {
    return fs.readlinkSync(`/proc/${pid}/fd/${fd}`, { encoding: 'utf8' }) === `${file}-lock`
  })

test('database: two processes that close it at the same time leave no log', async () => {
  const directory = temporaryDirectory('database')
  const file = path.join(directory, 'one.db')
  openDatabaseFile(file, kind).database.close()
  const module = new URL('../../../core/platform/sqlite.ts', import.meta.url).href
  const script = `const { closeDatabaseFile, openDatabaseFile } = await import(${JSON.stringify(module)})
      const { database } = openDatabaseFile(${JSON.stringify(file)}, ${JSON.stringify(kind)})
      database.exec('INSERT INTO one VALUES (1)')
      console.log('open')
      process.stdin.once('data', () => {
        closeDatabaseFile(${JSON.stringify(file)}, database)
        process.exit()
      })`
  const closers = ['first', 'second'].map(() =>
    spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] }),
  )
  await Promise.all(closers.map(({ stdout }) => once(stdout, 'data')))
  const lock = new DatabaseSync(`${file}-lock`)
  lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  const ended = closers.map((closer) => once(closer, 'exit'))
  for (const { stdin } of closers) stdin.write('close')
  await until('both to wait', () => closers.every((closer) => waitsForLock(closer, file)))
  lock.close()
  expect(await Promise.all(ended)).toEqual([
    [0, null],
    [0, null],
  ])
  expect(fs.readdirSync(directory)).toEqual(['one.db', 'one.db-lock'])
})

test('database: one whose directory has gone can be closed', () => {
  const directory = temporaryDirectory('database')
  const file = path.join(directory, 'one.db')
  const { database } = openDatabaseFile(file, kind)
  fs.rmSync(directory, { recursive: true })
  closeDatabaseFile(file, database)
  expect(database.isOpen).toBe(false)
})

test('database: an unusable file is set aside by one process at a time, and the next one uses the new file', async () => {
  const directory = temporaryDirectory('database')
  const file = path.join(directory, 'one.db')
  openDatabaseFile(file, { ...kind, version: 9 }).database.close()
  const lock = new DatabaseSync(`${file}-lock`)
  lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  const module = new URL('../../../core/platform/sqlite.ts', import.meta.url).href
  const script = `const { openDatabaseFile } = await import(${JSON.stringify(module)})
      const { database } = openDatabaseFile(${JSON.stringify(file)}, ${JSON.stringify(kind)})
      database.exec('INSERT INTO one VALUES (1)')`
  const openers = ['first', 'second'].map(() =>
    spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' }),
  )
  await until('both to wait', () => openers.every((opener) => waitsForLock(opener, file)))
  const names = () => fs.readdirSync(directory).filter((name) => !/-(wal|shm)$/.test(name))
  expect(names()).toEqual(['one.db', 'one.db-lock'])
  const ended = openers.map((opener) => once(opener, 'exit'))
  lock.close()
  expect(await Promise.all(ended)).toEqual([
    [0, null],
    [0, null],
  ])
  expect(names()).toEqual(['one.db', 'one.db-lock', expect.stringMatching(/^one\.db\.newer-/)])
  const { database, aside } = openDatabaseFile(file, kind)
  onTestFinished(() => database.close())
  expect(database.prepare('SELECT count(*) AS count FROM one').get()).toEqual({ count: 2 })
  expect(aside).toBeNull()
})

test('database: one whose setting aside is interrupted keeps its name, so that no new one erases its log', () => {
  vi.useFakeTimers({ now: 0 })
  onTestFinished(() => void vi.useRealTimers())
  const directory = temporaryDirectory('database')
  const file = path.join(directory, 'one.db')
  fs.writeFileSync(file, 'file')
  fs.writeFileSync(`${file}-wal`, 'log')
  const aside = `${file}.broken-1970-01-01T00-00-00-000Z`
  fs.mkdirSync(path.join(aside, 'not empty'), { recursive: true })
  expect(() => setAside(file, 'broken')).toThrow()
  expect(fs.readFileSync(file, 'utf8')).toBe('file')
  expect(fs.readFileSync(`${aside}-wal`, 'utf8')).toBe('log')
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

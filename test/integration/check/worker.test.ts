import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { probeKinds } from '../../../core/check/checker-messages.ts'
import { probeName } from '../../../core/check/probes/file-probes.ts'
import { probeFiles } from '../../support/check/check-faults.ts'
import { startCheckerProcess } from '../../support/check/client.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const all = [...probeKinds]

describe('check worker', () => {
  it('a directory is checked with mount, read and write probes, a file with mount and read probes', {
    tags: 'story',
  }, async () => {
    const directory = temporaryDirectory()
    const [full, empty] = ['full', 'empty'].map((name) => path.join(directory, name))
    writeFileSync(full ?? '', 'x'.repeat(10_000))
    writeFileSync(empty ?? '', '')
    const paths = [directory, full, empty].map((at, index) => ({
      id: `p${index}`,
      path: at ?? '',
      probes: all,
    }))
    const checker = await startCheckerProcess({ paths })
    const [ofDirectory, ofFull, ofEmpty] = await Promise.all(paths.map(({ id }) => checker.sees(id, 'ok')))
    expect(Object.keys(ofDirectory?.probes ?? {}).sort()).toEqual(['mount', 'read', 'write'])
    expect(Object.keys(ofFull?.probes ?? {}).sort()).toEqual(['mount', 'read'])
    expect(ofEmpty?.delayMs).toBeGreaterThan(0)
    expect(ofDirectory?.mount?.point).toMatch(/^\//)
  })

  it('a removed file, its return and a directory in its place are detected', { tags: 'story' }, async () => {
    const file = path.join(temporaryDirectory(), 'file')
    writeFileSync(file, 'x')
    const checker = await startCheckerProcess({ paths: [{ id: 'p', path: file, probes: all }] })
    await checker.sees('p', 'ok')
    renameSync(file, `${file}.away`)
    const gone = await checker.sees('p', 'missing', 2_000)
    expect(gone.overall).toMatchObject({ step: 'open', code: 'ENOENT', sentence: { key: 'check.missing' } })
    renameSync(`${file}.away`, file)
    await checker.sees('p', 'ok', 2_000)
    rmSync(file)
    mkdirSync(file)
    await until(
      'it to be probed as a directory',
      () => checker.reports('p').at(-1)?.probes.write?.kind === 'ok',
    )
  })

  it('a FIFO is only looked up: its check does not hang and does not consume another reader’s data', async () => {
    const fifo = path.join(temporaryDirectory(), 'fifo')
    execFileSync('mkfifo', [fifo])
    const checker = await startCheckerProcess({ paths: [{ id: 'p', path: fifo, probes: all }] })
    const found = await checker.sees('p', 'ok')
    expect([Object.keys(found.probes).sort(), found.delayMs]).toEqual([['mount', 'read'], null])
    const bothEnds = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK)
    onTestFinished(() => closeSync(bothEnds))
    writeSync(bothEnds, 'for another')
    await checker.sees('p', 'ok')
    const bytes = Buffer.alloc(100)
    expect(bytes.toString('utf8', 0, readSync(bothEnds, bytes))).toBe('for another')
    rmSync(fifo)
    await checker.sees('p', 'missing')
  })

  it('many failing checks leave no open files and no threads behind, and at most 4 probe files', async () => {
    const directory = temporaryDirectory()
    const paths = Array.from({ length: 300 }, (_, index) => ({
      id: `p${index}`,
      path: index % 2 === 0 ? path.join(directory, `none${index}`) : directory,
      probes: all,
    }))
    const checker = await startCheckerProcess({ paths })
    await checker.sees('p299', 'ok')
    await until('all to be checked', () => paths.every(({ id }) => checker.reports(id).length > 0))
    const files = () => until('no check to be out', () => checker.openFiles() < 60 && checker.openFiles())
    const before = { files: await files(), threads: checker.threads() }
    await until('five rounds', () => paths.every(({ id }) => checker.reports(id).length > 5))
    await until('as few open files as before', () => checker.openFiles() <= before.files + 2)
    expect(checker.threads()).toBe(before.threads)
    await checker.stop()
    const left = probeFiles(directory)
    // Stopping does not wait for the checks that are out just then.
    expect(left.length).toBeLessThanOrEqual(4)
  })

  it('10,000 failing checks do not increase the number of open files and threads', async () => {
    const directory = temporaryDirectory()
    const paths = Array.from({ length: 2_000 }, (_, index) => ({
      id: `p${index}`,
      path: path.join(directory, `none${index}`),
      probes: all,
    }))
    const checker = await startCheckerProcess({ paths })
    const rounds = (count: number) => until(`${count} rounds`, () => checker.reports('p1999').length >= count)
    const files = () => until('no check to be out', () => checker.openFiles() < 60 && checker.openFiles())
    await rounds(1)
    const before = { files: await files(), threads: checker.threads() }
    await rounds(7)
    expect(checker.reports('p0').length).toBeGreaterThanOrEqual(6)
    expect(checker.reports('p1000').every(({ overall }) => overall.kind === 'missing')).toBe(true)
    await until('as few open files as before', () => checker.openFiles() <= before.files + 2)
    expect(checker.threads()).toBe(before.threads)
  })

  it('invalid paths are reported with their error code, and a name with a newline is checked', async () => {
    const directory = temporaryDirectory()
    const newline = path.join(directory, 'two\nlines')
    writeFileSync(newline, 'x')
    const odd = [`${directory}/a\0b`, `/${'x'.repeat(5_000)}`, 'relative/none', newline]
    const checker = await startCheckerProcess({
      paths: odd.map((at, index) => ({ id: `p${index}`, path: at, probes: all })),
    })
    expect((await checker.sees('p0', 'error')).overall.code).toBe('EINVAL')
    expect((await checker.sees('p1', 'error')).overall.code).toBe('ENAMETOOLONG')
    expect((await checker.sees('p2', 'missing')).overall.code).toBe('ENOENT')
    await checker.sees('p3', 'ok')
  })

  it('probe files of a killed run are removed, and files in use or of others are kept', {
    tags: 'story',
  }, async () => {
    const directory = temporaryDirectory()
    const inHere = (name: string) => path.join(directory, name)
    const left = probeName()
    const notes = '.holdfast-probe-notes'
    for (const name of [left, notes]) {
      writeFileSync(inHere(name), '')
      utimesSync(inHere(name), 1_000, 1_000)
    }
    const inUse = probeName()
    writeFileSync(inHere(inUse), '')
    const checker = await startCheckerProcess({ paths: [{ id: 'p', path: directory, probes: all }] })
    await checker.sees('p', 'ok')
    await until('the file to be gone', () => !readdirSync(directory).includes(left))
    expect(readdirSync(directory)).toEqual(expect.arrayContaining([inUse, notes]))
  })
})

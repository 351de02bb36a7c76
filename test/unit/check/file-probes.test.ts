import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { probeKinds } from '../../../core/check/checker-messages.ts'
import {
  listDirectory,
  probeName,
  probeWriting,
  removeLeftOvers,
} from '../../../core/check/probes/file-probes.ts'
import { freshMemory, newProgress } from '../../../core/check/probes/findings.ts'
import { createSystemDisk } from '../../../core/check/probes/probe-runner.ts'
import { readFile } from '../../../core/check/probes/read-file.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const failing = (step: string, code: string) => expect.objectContaining({ step, code })

test('read probe: a file is opened, read and closed; a missing file and a directory name the step that fails', async () => {
  const directory = temporaryDirectory('read-probe')
  const file = path.join(directory, 'file')
  writeFileSync(file, 'x'.repeat(5_000))
  for (const isBuffered of [true, false]) {
    const steps: string[] = []
    const found = await readFile(file, { isBuffered, enter: (step) => void steps.push(step) })
    expect(found.failure).toBeNull()
    expect(steps.slice(-3)).toEqual(['open', 'read', 'close'])
    expect(found.isBuffered || !isBuffered).toBe(true)
  }
  expect((await readFile(path.join(directory, 'none'), { isBuffered: true })).failure).toEqual(
    failing('open', 'ENOENT'),
  )
  expect((await readFile(directory, { isBuffered: true })).failure).toEqual(failing('read', 'EISDIR'))
})

test('read probe: a directory is listed, and with a sample its first regular file is read', async () => {
  const directory = temporaryDirectory('list-probe')
  mkdirSync(path.join(directory, 'below'))
  const list = async (sample: boolean, at = directory) => {
    const steps: string[] = []
    const { failure } = await listDirectory(at, {
      ...{ isBuffered: true, sample },
      enter: (step) => void steps.push(step),
    })
    return { failure, steps }
  }
  expect(await list(true)).toEqual({ failure: null, steps: ['open', 'read'] })
  writeFileSync(path.join(directory, 'file'), 'content')
  expect(await list(false)).toEqual({ failure: null, steps: ['open', 'read'] })
  expect(await list(true)).toEqual({ failure: null, steps: ['open', 'read', 'open', 'read', 'close'] })
  expect((await list(true, path.join(directory, 'none'))).failure).toEqual(failing('open', 'ENOENT'))
})

test('write probe: all steps are taken in order, and nothing is left; a directory that is gone fails each step', async () => {
  const directory = temporaryDirectory('write-probe')
  const steps: string[] = []
  const found = await probeWriting(directory, { isBuffered: true, enter: (step) => void steps.push(step) })
  expect(steps).toEqual(['create', 'write', 'fsync', 'read back', 'fsync', 'list', 'remove'])
  expect(found).toMatchObject({ failures: [], unremoved: null, readBack: { failure: null } })
  expect(readdirSync(directory)).toEqual([])
  const gone = await probeWriting(path.join(directory, 'none'), { isBuffered: true })
  expect(gone.failures).toEqual([failing('create', 'ENOENT'), failing('list', 'ENOENT')])
  expect([gone.readBack, gone.unremoved]).toEqual([null, null])
})

test('write probe: a file that an earlier probe could not remove is removed first, and prevents a further one', async () => {
  const directory = temporaryDirectory('unremoved')
  const unremoved = probeName()
  writeFileSync(path.join(directory, unremoved), '')
  expect(await probeWriting(directory, { isBuffered: true, unremoved })).toMatchObject({ failures: [] })
  expect(readdirSync(directory)).toEqual([])
  mkdirSync(path.join(directory, unremoved))
  const found = await probeWriting(directory, { isBuffered: true, unremoved })
  expect(found).toMatchObject({ failures: [{ step: 'remove' }], unremoved, readBack: null })
  expect(readdirSync(directory)).toEqual([unremoved])
})

test('left probe files: only regular ones that are older than an hour, and of a probe, are removed', async () => {
  const directory = temporaryDirectory('left-overs')
  const names = [probeName(), probeName(), probeName(), 'other', `${probeName()}.txt`]
  const [old = '', fresh = '', link = '', ...others] = names
  for (const name of [old, fresh, ...others]) writeFileSync(path.join(directory, name), '')
  symlinkSync('other', path.join(directory, link))
  const before = Date.now() / 1_000 - 3_700
  for (const name of [old, ...others]) utimesSync(path.join(directory, name), before, before)
  const now = Date.now() / 1_000
  utimesSync(path.join(directory, fresh), now, now)
  await removeLeftOvers(directory)
  expect(existsSync(path.join(directory, old))).toBe(false)
  expect(readdirSync(directory)).toHaveLength(4)
  await removeLeftOvers(path.join(directory, 'none'))
})

test('check of a path: files, FIFOs, missing paths and links each have their findings', async () => {
  const directory = temporaryDirectory('check-path')
  const disk = createSystemDisk()
  const check = (name: string, link?: string) =>
    disk.check(
      {
        ...{ path: path.join(directory, name), probes: [...probeKinds] },
        ...(link === undefined ? {} : { link: path.join(directory, link) }),
      },
      freshMemory,
      newProgress(probeKinds),
    )
  writeFileSync(path.join(directory, 'file'), 'content')
  execFileSync('mkfifo', [path.join(directory, 'fifo')])
  symlinkSync('file', path.join(directory, 'link'))
  symlinkSync('none', path.join(directory, 'broken'))
  symlinkSync('fifo', path.join(directory, 'elsewhere'))
  const file = await check('file', 'link')
  expect(file.probes.read).toMatchObject({ failures: [] })
  expect(file.delayMs).not.toBeNull()
  expect([file.probes.write, 'leadsTo' in file]).toEqual([undefined, false])
  expect((await check('file', 'elsewhere')).leadsTo).toBe(path.join(directory, 'fifo'))
  expect((await check('file', 'broken')).leadsTo).toBeNull()
  const fifo = await check('fifo')
  expect([fifo.probes.read, fifo.delayMs]).toMatchObject([{ failures: [], elapsedMs: 0 }, null])
  const missing = await check('none', 'broken')
  expect(Object.values(missing.probes)).toEqual([
    expect.objectContaining({ failures: [failing('open', 'ENOENT')] }),
  ])
  expect([missing.delayMs, 'leadsTo' in missing]).toEqual([null, false])
  const whole = await check('.')
  expect(whole.probes).toMatchObject({
    mount: { failures: [] },
    read: { failures: [] },
    write: { failures: [] },
  })
  expect(whole.memory).toMatchObject({ known: { mount: { point: expect.any(String) } }, unremoved: null })
  expect(whole.memory.tidiedMs).not.toBeNull()
})

import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, closeSync, constants, openSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  KernelLog,
  parseJournalLine,
  parseRecord,
  readJournal,
} from '../../../../core/check/evidence/kernel-log.ts'
import { temporaryDirectory } from '../../../support/temporary.ts'
import { until } from '../../../support/until.ts'

/** A kernel's log that a test writes: a pipe, from which a reader takes each record once. */
function makeLog() {
  const file = path.join(temporaryDirectory('kmsg'), 'kmsg')
  execFileSync('mkfifo', [file])
  const out = openSync(file, constants.O_RDWR | constants.O_NONBLOCK)
  let isOpen = true
  const end = () => {
    if (isOpen) closeSync(out)
    isOpen = false
  }
  onTestFinished(end)
  const log = new KernelLog(file)
  onTestFinished(() => log.close())
  const heard: string[] = []
  log.follow((fresh) => heard.push(...fresh.map(({ text }) => text)))
  return { log, heard, end, report: (text: string) => writeSync(out, text) }
}

const record = (clockUs: number, text: string, priority = 3, sequence = 1) =>
  `${priority},${sequence},${clockUs},-;${text}\n`

test('kernel record: its level, number, clock and text; a program’s record and other text are not the kernel’s', () => {
  expect(parseRecord('3,339,5140900,-;EXT4-fs error (device sdb1)\n SUBSYSTEM=block\n')).toEqual({
    level: 3,
    isKernels: true,
    sequence: 339,
    clockUs: 5140900,
    text: 'EXT4-fs error (device sdb1)',
  })
  // Facility 3 (daemon) and level 6; and user, 1, which any program may write.
  for (const other of ['30,339,5140900,-;systemd[1]: started', '12,1,1,-;hello'])
    expect(parseRecord(other)?.isKernels).toBe(false)
  for (const other of [' SUBSYSTEM=block', '']) expect(parseRecord(other)).toBeNull()
})

test('kernel record: escaped bytes are text again, and a long text is cut', () => {
  expect(parseRecord(String.raw`4,1,1,-;CIFS: \x5c\x5cnas\x5cdata: caf\xc3\xa9`)?.text).toBe(
    String.raw`CIFS: \\nas\data: café`,
  )
  expect(parseRecord(record(1, 'x'.repeat(5_000)))?.text).toHaveLength(1_000)
})

test('kernel log: what is new is reported without being asked for, once, and kept', async () => {
  const { log, heard, report } = makeLog()
  log.read()
  report(record(1_000_000, 'one') + record(2_000_000, 'a program', 30))
  await until('the first line', () => heard.length > 0)
  report(record(3_000_000, 'two'))
  log.read()
  log.read()
  expect(heard).toEqual(['one', 'two'])
  report(record(4_000_000, 'three'))
  await until('the third line', () => heard.length > 2)
  expect(log.since(0).map(({ text }) => text)).toEqual(['one', 'two', 'three'])
  expect(heard).toEqual(['one', 'two', 'three'])
})

test('kernel log: one that has ended keeps its lines, and is closed', async () => {
  const { log, heard, report, end } = makeLog()
  log.read()
  report(record(1_000_000, 'one'))
  end()
  await until('the line', () => heard.length > 0)
  log.read()
  log.close()
  expect(log.since(0).map(({ text }) => text)).toEqual(['one'])
})

test('kernel log: a line is as old as its reading, whatever the kernel’s clock shows, and in order', () => {
  const { log, report } = makeLog()
  log.read()
  const before = Date.now()
  // The kernel's clock is a year ahead, then a year behind.
  const year = 365 * 86_400_000_000
  report(record(year, 'one'))
  log.read()
  report(record(0, 'two') + record(1_000, 'three'))
  log.read()
  const times = log.since(0).map(({ at }) => at)
  expect(times).toEqual([...times].sort((a, b) => a - b))
  for (const at of times) {
    expect(at).toBeGreaterThanOrEqual(before - 1)
    expect(at).toBeLessThanOrEqual(Date.now())
  }
})

test('kernel log: the first and the newest lines of a flood are kept, and the others are counted', () => {
  const { log, report } = makeLog()
  log.read()
  // A read takes so many bytes of a pipe that the last record would be cut.
  for (let round = 0; round < 80; round += 1) {
    report(Array.from({ length: 100 }, (_, index) => record(1, `line ${round * 100 + index}`)).join(''))
    log.read()
  }
  const texts = log.since(0).map(({ text }) => text)
  expect(texts).toHaveLength(5_000)
  expect([texts[0], texts[2_499], texts[2_500], texts.at(-1)]).toEqual([
    ...['line 0', 'line 2499', 'line 5500', 'line 7999'],
  ])
  expect(log.lostSince(0)).toBe(3_000)
})

test('kernel log: one that is not there has its reason, and reads nothing', () => {
  const log = new KernelLog(path.join(temporaryDirectory('kmsg'), 'none'))
  expect(log.problem).toBe('ENOENT')
  log.follow(() => expect.unreachable())
  log.read()
  expect(log.since(0)).toEqual([])
  log.close()
})

test('journal line: its time, level and text; anything else is none', () => {
  const line = {
    MESSAGE: 'nfs: server nas not responding',
    PRIORITY: '5',
    __REALTIME_TIMESTAMP: '1795911571436453',
  }
  expect(parseJournalLine(JSON.stringify(line))).toEqual({
    at: 1795911571436,
    level: 5,
    text: 'nfs: server nas not responding',
  })
  // A line with a control character comes as its bytes, and a field that is there twice as a list of texts.
  const bytes = [...Buffer.from('comm \u001b[31m: é'), 0xff]
  expect(parseJournalLine(JSON.stringify({ ...line, MESSAGE: bytes }))?.text).toBe('comm \u001b[31m: é\ufffd')
  for (const other of [
    '',
    '{',
    '[]',
    JSON.stringify({ ...line, MESSAGE: ['one', 'two'] }),
    JSON.stringify({ ...line, SYSLOG_FACILITY: '3' }),
  ])
    expect(parseJournalLine(other)).toBeNull()
})

test('journal: its lines are asked for, and one that may not be read gives none', async () => {
  const directory = temporaryDirectory('journal')
  const program = path.join(directory, 'journalctl')
  writeFileSync(program, '#!/bin/sh\n')
  appendFileSync(program, `echo '{"MESSAGE":"one","__REALTIME_TIMESTAMP":"2000"}'\n`)
  chmodSync(program, 0o755)
  expect(await readJournal(program)).toEqual([{ at: 2, level: 6, text: 'one' }])
  // For somebody who may not read it, it has no line at all.
  const empty = path.join(directory, 'empty')
  writeFileSync(empty, '#!/bin/sh\n', { mode: 0o755 })
  expect(await readJournal(empty)).toBe('unreadable')
  appendFileSync(program, 'exit 1\n')
  expect(await readJournal(program)).toBe('unreadable')
  expect(await readJournal(path.join(directory, 'none'))).toBe('no-program')
})

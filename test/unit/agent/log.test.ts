import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openLog } from '../../../core/agent/log.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const readTexts = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).msg)

test('log: lines are written in their order, into a directory that is made with the first', async () => {
  const directory = path.join(temporaryDirectory('log'), 'logs')
  const log = openLog(directory)
  const texts = Array.from({ length: 500 }, (_, index) => `line ${index}`)
  for (const text of texts) log.write('info', text)
  await log.written()
  log.write('warn', 'later')
  await log.written()
  expect(readTexts(path.join(directory, 'agent.log'))).toEqual([...texts, 'later'])
})

test('log: a large file is renamed, and lines go on in a new one', async () => {
  const directory = temporaryDirectory('log')
  const file = path.join(directory, 'agent.log')
  writeFileSync(file, Buffer.alloc(8 * 1024 * 1024 + 1, 'x'))
  const log = openLog(directory)
  log.write('info', 'next')
  await log.written()
  expect(readTexts(file)).toEqual(['next'])
  expect(statSync(`${file}.1`).size).toBe(8 * 1024 * 1024 + 1)
})

test('log: a directory that cannot be made loses only lines', async () => {
  const directory = path.join(temporaryDirectory('log'), 'file')
  writeFileSync(directory, 'precious')
  const log = openLog(directory)
  log.write('info', 'lost')
  await log.written()
  log.write('info', 'lost too')
  await log.written()
  expect(readFileSync(directory, 'utf8')).toBe('precious')
  expect(readdirSync(path.dirname(directory))).toEqual(['file'])
})

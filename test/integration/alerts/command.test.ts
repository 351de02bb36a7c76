// @module-tag story
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { attempt, givenFor, LETTER_ID } from '../../support/alerts/channels.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

function program(lines: string, mode = 0o755): string {
  const file = path.join(temporaryDirectory('command'), 'tell it')
  writeFileSync(file, `#!/bin/sh\ncd "$(dirname "$0")"\n${lines}\n`)
  chmodSync(file, mode)
  return file
}
const run = (file: string, withinMs = 5_000, signal = new AbortController().signal) =>
  attempt('command', givenFor('command', file, signal), {}, withinMs)
const beside = (file: string, name: string) => path.join(path.dirname(file), name)

test('command channel: the program gets the facts on standard input, and its name is not run through a shell', async () => {
  const file = program('cat >got; echo "$#" >words; seq 100000')
  expect(await run(file)).toEqual({ did: 'delivered', note: null })
  expect(JSON.parse(readFileSync(beside(file, 'got'), 'utf8'))).toMatchObject({
    schema: 1,
    delivery: LETTER_ID,
  })
  expect(readFileSync(beside(file, 'words'), 'utf8')).toBe('0\n')
  expect(await run('/bin/true; touch /tmp/holdfast-shell')).toMatchObject({ did: 'refused' })
})

test('command channel: a program that does not read its input counts as delivered', async () => {
  expect(await run('/bin/true')).toEqual({ did: 'delivered', note: null })
  // More than a pipe holds.
  const given = givenFor('command', program('exec <&-; sleep 0.1'))
  const text = 'x'.repeat(1_000_000)
  expect(await attempt('command', given, { text }, 5_000)).toEqual({ did: 'delivered', note: null })
})

test.each([
  ['another code', () => program('exit 3'), 'channel.command.failed', { code: 3 }],
  ['a signal', () => program('kill -TERM $$'), 'channel.command.failed', { code: 'SIGTERM' }],
  ['no such program', () => '/no/such/program', 'channel.command.missing', { reason: 'ENOENT' }],
  [
    'one that may not be run',
    () => program('exit 0', 0o644),
    'channel.command.missing',
    { reason: 'EACCES' },
  ],
  ['no name', () => '', 'channel.command.missing', {}],
  ['no possible name', () => 'a\0b', 'channel.command.missing', {}],
])('command channel: %s is classified as refused', async (_, file, key, params) => {
  expect(await run(file())).toMatchObject({ did: 'refused', reason: { key, params } })
})

test('command channel: a program that does not end is killed with its child processes', async () => {
  const file = program('sleep 600 & echo $! >child; echo $$ >self; wait')
  expect(await run(file, 500)).toMatchObject({ did: 'retry', reason: { key: 'channel.silent' } })
  for (const name of ['self', 'child']) {
    const id = readFileSync(beside(file, name), 'utf8').trim()
    await until(`${name} is gone`, () => isGone(id))
  }
})

test('command channel: a program is stopped when its attempt is aborted', async () => {
  const controller = new AbortController()
  const file = program('touch started; sleep 600')
  const outcome = run(file, 60_000, controller.signal)
  await until('it has started', () => existsSync(beside(file, 'started')))
  controller.abort()
  expect(await outcome).toMatchObject({ did: 'retry', reason: { key: 'channel.stopped' } })
})

/** It has ended; that nobody has asked for its exit code yet does not matter. */
function isGone(id: string): boolean {
  try {
    return /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${id}/stat`, 'utf8'))
  } catch {
    return true
  }
}

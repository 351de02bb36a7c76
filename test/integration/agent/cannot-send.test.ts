// @module-tag story
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { lockDirectory } from '../../../core/lib/workers/directory-lock.ts'
import { untilState } from '../../support/agent/two-receivers.ts'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** A directory with one file in it, and a data directory that nothing is in yet. */
function oneFile() {
  const data = temporaryDirectory('cannot-send-data')
  const source = temporaryDirectory('cannot-send')
  writeFileSync(path.join(source, 'file'), 'file')
  return { data, source }
}

test('embedded store: a store in use by another receiver is reported, and used as soon as it is free', async () => {
  const { data, source } = oneFile()
  const own = path.join(data, 'store', '.holdfast')
  mkdirSync(own, { recursive: true })
  const lock = lockDirectory(own)
  onTestFinished(() => lock?.release())
  startHoldfast(['agent', '--data', data, source])
  const state = await untilState(
    data,
    'the trouble, and the waiting file',
    ({ status, totals }) => status.level === 'attention' && totals.waitingFiles === 1,
  )
  expect(state.status.detail?.key).toBe('transfer.storeInUse')
  expect(state.totals).toMatchObject({ waitingFiles: 1, sentFiles: 0 })
  const status = startHoldfast(['status', '--data', data])
  expect(await status.ended()).toBe(1)
  expect(status.out()).toContain('in use by another Holdfast')
  lock?.release()
  const after = await untilState(data, 'the file', ({ totals }) => totals.sentFiles === 1)
  expect(after.destinations[0]?.connection).toMatchObject({ state: 'connected', problem: null })
})

test('identity: a certificate that cannot be used is reported in the status', async () => {
  const { data, source } = oneFile()
  mkdirSync(path.join(data, 'identity'))
  writeFileSync(path.join(data, 'identity', 'identity.pem'), 'garbage')
  startHoldfast(['agent', '--data', data, source])
  const state = await untilState(data, 'the trouble', ({ status }) => status.level === 'attention')
  expect(state.status.detail?.key).toBe('transfer.identityBroken')
})

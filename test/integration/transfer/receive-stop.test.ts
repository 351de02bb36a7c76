// @module-tag story
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startHoldfast } from '../../support/cli/processes.ts'
import { manifestTotals } from '../../support/store/store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { openIsocketClient } from '../../support/transfer/isocket.ts'
import { until } from '../../support/until.ts'

const hasPipes = process.platform === 'linux'

test.skipIf(!hasPipes)('`holdfast receive`: SIGTERM ends it even if its store does not answer', async () => {
  // There no call syncs a whole file system: the manifest's log is opened for that.
  const store = path.join(temporaryDirectory('stop', '/dev/shm'), 'store')
  const words = ['--store', store, '--host', '127.0.0.1', '--port', '0', '--isocket-port', '0']
  const receiver = startHoldfast(['receive', ...words])
  const listening = /isocket clients are accepted on 127\.0\.0\.1:(\d+)/
  const [, port] = await until('it listens', () => listening.exec(receiver.err()))
  const client = await openIsocketClient(Number(port))
  expect(await client.send('/one', Buffer.from('1'))).toEqual(['OK', 'OK'])
  await until('its manifest is kept up', () => manifestTotals(store)?.files === 1)
  // Whoever opens a pipe to read waits for one who writes.
  const log = path.join(store, '.holdfast', 'manifest.db-wal')
  fs.rmSync(log)
  execFileSync('mkfifo', [log])
  void client.send('/two', Buffer.from('2'))
  await until('it has its name', () => fs.existsSync(path.join(store, 'isocket', '127.0.0.1', 'two')))
  receiver.child.kill('SIGTERM')
  // The manifest's thread may open the pipe to read just then: both go on, and it ends as usual.
  const end = (await receiver.ended(20_000)) === 0 ? 'has stopped' : 'has not answered for 10 s'
  expect(receiver.err()).toContain(end)
})

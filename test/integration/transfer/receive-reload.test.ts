// @module-tag story
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'vitest'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const hasPipes = process.platform !== 'win32'

test.skipIf(!hasPipes)('`holdfast receive`: SIGHUP during startup reloads the configuration', async () => {
  const base = temporaryDirectory('reload')
  const file = path.join(base, 'receive.json')
  const text = JSON.stringify({ store: path.join(base, 'store'), host: '127.0.0.1', port: 0 })
  // It starts no further than to a pipe that nobody has written to.
  execFileSync('mkfifo', [file])
  const receiver = startHoldfast(['receive', '--config', file])
  const { O_WRONLY, O_NONBLOCK } = fs.constants
  const pipe = await until('it reads the file', () => fs.openSync(file, O_WRONLY | O_NONBLOCK))
  fs.writeFileSync(path.join(base, 'next'), text)
  fs.renameSync(path.join(base, 'next'), file)
  receiver.child.kill('SIGHUP')
  fs.writeSync(pipe, text)
  fs.closeSync(pipe)
  await until('it is read again', () => receiver.err().includes('configuration was reloaded'))
})

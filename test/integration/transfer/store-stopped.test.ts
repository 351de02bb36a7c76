import fs from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startHoldfast } from '../../support/cli/processes.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { writeFile } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

const PATIENCE_SECONDS = 3
/** Nothing but holes, which take a few seconds to read. */
const BYTES = 4 * 1024 ** 3

test.skipIf(process.platform === 'win32')(
  '`holdfast verify`: a stop (Ctrl-Z) for longer than --patience is not reported as a hung disk',
  { timeout: 400_000 },
  async () => {
    const store = path.join(temporaryDirectory('stopped'), 'store')
    fs.mkdirSync(path.join(store, '.holdfast'), { recursive: true })
    writeFile(store, 'pc/data/large', '')
    fs.truncateSync(path.join(store, 'pc/data/large'), BYTES)
    const command = startHoldfast([
      'verify',
      store,
      '--adopt',
      '--json',
      '--patience',
      `${PATIENCE_SECONDS}s`,
    ])
    await command.says(/"type":"progress"/)
    command.child.kill('SIGSTOP')
    const from = Date.now()
    await until('its patience to be over', () => Date.now() - from > (PATIENCE_SECONDS + 2) * 1000)
    command.child.kill('SIGCONT')
    expect([await command.ended(300_000), command.err()]).toEqual([
      0,
      expect.not.stringContaining('has not answered'),
    ])
    expect(command.out()).toContain('"adopted":1')
  },
)

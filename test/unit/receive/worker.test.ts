import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startReceiver } from '../../../core/receive/receiver-worker.ts'
import { storeLayout } from '../../../core/store/layout.ts'
import { DEFAULT_RULES } from '../../../core/store/quota/admission.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { receiverParts } from '../../support/transfer/transfer.ts'
import { until } from '../../support/until.ts'

test.skipIf(process.platform === 'win32')(
  'receiver: a new configuration takes effect even if the previous store does not answer',
  async () => {
    const base = temporaryDirectory('receiver')
    const reported: unknown[] = []
    const receiver = startReceiver(receiverParts)({
      report: (report) => void reported.push(report),
      nudge: () => undefined,
      crowded: () => undefined,
      log: () => undefined,
    })
    const buildConfig = (storeDirectory: string) => ({
      ...{ storeDirectory, setUpStores: path.join(base, 'set-up'), host: '127.0.0.1', port: 0, name: 'nas' },
      ...{ rules: DEFAULT_RULES, isocket: null },
    })
    const hung = storeLayout(path.join(base, 'hung'))
    fs.mkdirSync(hung.own, { recursive: true })
    // Whoever opens a pipe to read waits for one who writes.
    execFileSync('mkfifo', [hung.senders])
    onTestFinished(async () => {
      fs.closeSync(fs.openSync(hung.senders, 'r+'))
      await receiver.stop()
    })
    await receiver.configure(buildConfig(hung.root))
    const other = path.join(base, 'other')
    await receiver.configure(buildConfig(other))
    const running = expect.objectContaining({ storeDirectory: other })
    await until('the other store is received into', () =>
      reported.some((one) => running.asymmetricMatch(one)),
    )
    const rules = { ...DEFAULT_RULES, floor: { bytes: Number.MAX_SAFE_INTEGER, percent: 100 } }
    await receiver.configure({ ...buildConfig(other), rules })
    const problems = [expect.objectContaining({ key: 'transfer.healthFull' })]
    const full = expect.objectContaining({ store: { problems, failures: 1 } })
    await until('its space to be reported', () => reported.some((one) => full.asymmetricMatch(one)))
  },
)

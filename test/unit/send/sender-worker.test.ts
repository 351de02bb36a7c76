import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import type { WorkerReport } from '../../../core/lib/workers/definition.ts'
import type { senderDefinition } from '../../../core/send/sender-messages.ts'
import { SenderWorker } from '../../../core/send/sender-worker.ts'
import { NOT_ENCRYPTED } from '../../../core/settings/destination-schema.ts'
import { defaultSettings } from '../../../core/settings/schema.ts'
import { sendingSettingsSchema } from '../../../core/settings/worker-groups.ts'
import { workerScript } from '../../support/cli/command-script.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

const SOURCE = 's'
const DESTINATION = 'd'

/** A sender that is paused, and its last report. */
function createPaused(directory: string, ledgerPath: string) {
  let last: WorkerReport<typeof senderDefinition> | undefined
  const context = {
    report: (report: typeof last) => {
      last = report
    },
    ...{ nudge: () => undefined, crowded: () => undefined, log: () => undefined },
  }
  const threads = { readerThread: workerScript('reader-thread'), storeThread: workerScript('store-thread') }
  const sender = new SenderWorker(context, threads)
  onTestFinished(() => sender.stop())
  const folder = { kind: 'folder' as const, name: 'disk', path: path.join(directory, 'disk') }
  const configure = () =>
    sender.configure({
      ...{ identityDirectory: path.join(directory, 'identity'), ledgerPath, paused: true },
      ...sendingSettingsSchema.parse({ retrySeconds: 1 }),
      destination: { ...NOT_ENCRYPTED, ...folder, id: DESTINATION },
      sources: [{ id: SOURCE, path: directory, name: 'data', groupWriteMark: false, paused: false }],
      keep: defaultSettings.keep,
      limit: { bytesPerSecond: null, schedule: [] },
    })
  return { configure, report: () => last }
}

test('sender worker: damaged files are reported, also an empty one, and another one instead of it', async () => {
  const directory = temporaryDirectory('sender-worker')
  const ledgerPath = path.join(directory, 'ledger.db')
  const ledger = openLedger(ledgerPath)
  onTestFinished(() => ledger.close())
  const { configure, report } = createPaused(directory, ledgerPath)
  const reportsDamaged = async (file: string, size: number) => {
    const finding = 'missing' as const
    const damaged = { source: SOURCE, path: file, finding, at: 1, size, digest: null }
    ledger.offerDamaged(DESTINATION, damaged)
    await configure()
    await until(`${file} is reported`, () => report()?.damaged?.bytes === size)
    expect(report()?.damaged).toEqual({ files: 1, bytes: size, foundAt: 1 })
    ledger.clearDamaged(DESTINATION, [damaged])
  }
  await reportsDamaged('empty', 0)
  await reportsDamaged('another', 10)
})

import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { nodeWorkerStarter } from '../../core/agent/workers/starter.ts'
import { SupervisedWorker } from '../../core/agent/workers/supervisor.ts'
import { openLedger } from '../../core/ledger/ledger.ts'
import { senderDefinition } from '../../core/send/sender-messages.ts'
import type { Destination } from '../../core/settings/destination-schema.ts'
import { defaultSettings } from '../../core/settings/schema.ts'
import { until } from '../support/until.ts'
import { offerAll, peakMiB } from './transfer-ends.ts'

const WITHIN_MS = 300_000

export interface SentTo {
  seconds: number
  senderMiB: number
}

/** Where files go, with the secrets that it wants. */
export interface Target {
  destination: Destination
  secrets: Record<string, string>
}

/**
 * From the first look at the directory to the last file durable at the destination, by the product's own sender.
 * @param ends the bundled processes: see `bundleEnds`.
 * @param before files that go before the clock starts: an agent that has been at work has its code compiled.
 * @param directory where the ledger and the certificate go.
 */
export async function sendTo(
  { destination, secrets }: Target,
  { ends, source, before, directory }: { ends: string; source: string; before: string; directory: string },
): Promise<SentTo> {
  const starter = nodeWorkerStarter((name) =>
    pathToFileURL(path.join(ends, `test/bench/transfer-${name}.js`)),
  )
  const sender = new SupervisedWorker(senderDefinition, starter, {
    nudge: () => undefined,
    log: () => undefined,
    condition: () => undefined,
    report: () => undefined,
  })
  const ledgerPath = path.join(directory, 'ledger.db')
  const ledger = openLedger(ledgerPath)
  const buildSource = (id: string, at: string) => ({
    id,
    path: at,
    name: id,
    groupWriteMark: false,
    paused: false,
  })
  const countSent = (id: string) => ledger.totals(destination.id)[id]?.sentFiles ?? 0
  const send = async (id: string, from: string) => {
    const files = offerAll(ledger, id, from, destination.id, () => sender.nudge())
    sender.nudge()
    await until(`the files of ${id} to be durable`, () => countSent(id) >= files, WITHIN_MS)
  }
  try {
    sender.configure({
      identityDirectory: path.join(directory, 'identity'),
      ledgerPath,
      destination,
      secrets,
      sources: [buildSource('before', before), buildSource('s', source)],
      paused: false,
      retrySeconds: 1,
      keep: defaultSettings.keep,
      limit: { bytesPerSecond: null, schedule: [] },
    })
    await send('before', before)
    const startedAt = performance.now()
    await send('s', source)
    const seconds = (performance.now() - startedAt) / 1000
    return { seconds, senderMiB: peakMiB(sender.state.pid) }
  } finally {
    ledger.close()
    await sender.stop()
  }
}

// @module-tag story
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, onTestFinished, test } from 'vitest'
import { workerEnvironment } from '../../../core/agent/workers/starter.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { canMount, mountHung } from '../../support/faults/mounts.ts'
import { DESTINATION, setUp, watching } from '../../support/scan/set-up.ts'
import { until } from '../../support/until.ts'

describe.skipIf(!canMount)('scanner process with hanging sources (needs root: mounts)', () => {
  test('twenty hanging sources that are resumed 30 times do not block a healthy source', async () => {
    const { root, ledger, scanner } = setUp({}, { env: workerEnvironment(512, process.env) })
    const sources = [sourceSchema.parse({ id: 's', path: root, name: 'source' })]
    for (let index = 0; index < 20; index += 1) {
      const { point } = await mountHung(onTestFinished)
      sources.push(sourceSchema.parse({ id: `hung-${index}`, path: point, name: `hung-${index}` }))
    }
    const ledgerPath = path.join(root, '../ledger.sqlite')
    const configure = (paused: boolean) =>
      scanner.configure({
        sources: sources.map((source) => ({ ...source, paused: paused && source.id !== 's' })),
        ledgerPath,
        destinations: [DESTINATION],
        ...defaultSettings.scan,
        reconcileSeconds: 5,
        quietSeconds: 0.3,
      })
    // Each resumption looks again at a directory that has not answered the looks before.
    for (let round = 0; round < 30; round += 1) {
      configure(false)
      configure(true)
    }
    configure(false)
    await watching(scanner)
    for (let index = 0; index < 300; index += 1) writeFileSync(path.join(root, `file-${index}`), '')
    await until('its files are offered', () => ledger.totals(DESTINATION).s?.waitingFiles === 300)
  })
})

import { onTestFinished } from 'vitest'
import type { Ledger } from '../../../core/ledger/ledger.ts'
import { RunningSource, type SourceOptions } from '../../../core/scan/source.ts'
import { sourceSchema } from '../../../core/settings/schema.ts'
import { OwnPlaces } from '../../../core/walk/own-places.ts'
import { quietTree } from './quiet-tree.ts'

/** A source that runs in the test's own process, in a tree in which nothing happens; it ends with the test. */
export function runSource(
  settings: Record<string, unknown>,
  ledger: Ledger,
  parts: Partial<SourceOptions> = {},
): RunningSource {
  const running = new RunningSource({
    source: sourceSchema.parse({ id: 's', name: 'data', ...settings }),
    ledger,
    destinations: ['there'],
    reconcileSeconds: 3600,
    quietSeconds: 0.1,
    openTree: async () => quietTree,
    own: new OwnPlaces([]),
    offered: () => undefined,
    changed: () => undefined,
    log: () => undefined,
    ...parts,
  })
  onTestFinished(() => running.stop())
  return running
}

import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import type { FileState } from '../../../core/ledger/ledger-messages.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { temporaryDirectory } from '../temporary.ts'
import { until } from '../until.ts'
import { type ScannerProcess, startScannerProcess } from './worker.ts'

export const DESTINATION = 'there'

/**
 * A source in a new directory, a real ledger and a real scanner process on it.
 * @param directory of an earlier world, to start another scanner on its source and its ledger.
 */
export function setUp(
  settings: Record<string, unknown> = {},
  processOptions = {},
  directory = temporaryDirectory('scanner'),
) {
  const root = path.join(directory, 'source')
  mkdirSync(root, { recursive: true })
  const ledgerPath = path.join(directory, 'ledger.sqlite')
  const ledger = openLedger(ledgerPath)
  onTestFinished(() => ledger.close())
  const scanner = startScannerProcess(processOptions)
  const config = (changes: Record<string, unknown> = {}) => ({
    sources: [sourceSchema.parse({ id: 's', path: root, name: 'source', ...settings, ...changes })],
    ledgerPath,
    destinations: [DESTINATION],
    ...defaultSettings.scan,
    reconcileSeconds: 3600,
    quietSeconds: 0.3,
  })
  const configure = (changes: Record<string, unknown> = {}) => scanner.configure(config(changes))
  const files = (state: FileState | null = null) =>
    ledger.files([DESTINATION], { source: 's', state, before: null, limit: 200 }).files
  return {
    directory,
    root,
    ledger,
    scanner,
    config,
    configure,
    /** The files in the ledger, of one state or of all. */
    paths: (state: FileState | null = null) =>
      files(state)
        .map((file) => file.path)
        .toSorted(),
    findSize: (name: string) => files().find((file) => file.path === name)?.size,
    /** What a sender does: everything that waits is durable now. */
    sendAll: () => {
      const due = ledger.take(DESTINATION, 's', 1000, Date.now(), new Set())
      ledger.markSent(
        due.map((file) => ({ ...file, mark: false })),
        Date.now(),
      )
      scanner.nudge()
    },
    phase: () => scanner.scanned.get('s')?.phase,
    /** Each batch directory's name and phase, as the report has them. */
    batches: () =>
      scanner.scanned
        .get('s')
        ?.batches.map(({ name, phase }) => `${name} ${phase}`)
        .join(),
    messages: () => scanner.scanned.get('s')?.problems ?? [],
    watching: () => watching(scanner),
    problems: () => scanner.scanned.get('s')?.problems.map(({ key }): string => key) ?? [],
  }
}

export const watching = (scanner: ScannerProcess) =>
  until('it is watching', () => scanner.scanned.get('s')?.phase === 'watching')

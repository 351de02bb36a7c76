import path from 'node:path'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { forwardNudges, startScannerProcess } from '../scan/worker.ts'
import { DESTINATION, startPair } from '../transfer/transfer.ts'
import { until } from '../until.ts'
import type { Program } from './program.ts'
import { Run } from './run.ts'

/** A scanner, a sender and a receiver in processes of their own. */
export async function startWaves(base: string) {
  const { home, store, sender, config } = await startPair(base)
  const scanner = startScannerProcess()
  forwardNudges(scanner, () => sender, 5)

  const configure = (runs: readonly Run[]) => {
    const sources = runs.map(({ id, source, program: { kind } }) =>
      sourceSchema.parse({ id, path: source, name: id, kind, batch: { prefix: 'DC' } }),
    )
    sender.configure({
      ...config,
      sources: sources.map(({ id, name, kind, path: directory }) => ({
        id,
        name,
        path: directory,
        groupWriteMark: kind === 'batch',
        paused: false,
      })),
    })
    scanner.configure({
      sources,
      ledgerPath: home.ledgerPath,
      destinations: [DESTINATION],
      ...defaultSettings.scan,
      reconcileSeconds: 3600,
      quietSeconds: 0.3,
    })
  }

  let waves = 0
  return {
    /** Runs programs side by side, each on a source of its own; returns the runs that went wrong. */
    async run(programs: readonly Program[]): Promise<Run[]> {
      waves += 1
      const runs = programs.map(
        (program, index) =>
          new Run(program, `w${waves}p${index}`, path.join(base, 'sources'), path.join(store, 'sender-1')),
      )
      try {
        for (const run of runs) run.begin()
        configure(runs)
        await untilAdopted(home.ledgerPath, runs)
        await Promise.all(runs.map((run, index) => run.goOn(run.program.seed + index)))
        await Promise.all(runs.map((run) => run.settled(false)))
        await scanner.reconcile()
        await Promise.all(runs.map((run) => run.settled(true)))
        for (const run of runs) run.judge()
      } finally {
        for (const run of runs) run.end()
      }
      for (const run of runs) {
        if (run.violations.length === 0) continue
        const { phase, batches, problems } = scanner.scanned.get(run.id) ?? {}
        run.notes.push(JSON.stringify({ phase, batches, problems }))
      }
      return runs.filter(({ violations }) => violations.length > 0)
    },
  }
}

/** Waits until the batch sources are adopted: a person decides about files that have the group-write bit from before. */
async function untilAdopted(ledgerPath: string, runs: readonly Run[]): Promise<void> {
  const ledger = openLedger(ledgerPath)
  try {
    for (const run of runs) {
      if (run.program.kind !== 'batch') continue
      const at = await until(`${run.id} to be adopted`, () => ledger.adoptedNs(run.id))
      run.adoptedNs = at
    }
  } finally {
    ledger.close()
  }
}

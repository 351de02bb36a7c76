import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { openLedger } from '../../../core/ledger/ledger.ts'
import { defaultSettings, sourceSchema } from '../../../core/settings/schema.ts'
import { temporaryDirectory } from '../temporary.ts'
import { until } from '../until.ts'
import { startScannerProcess } from './worker.ts'

const DESTINATION = 'there'

const execute = promisify(execFile)

/** Starts the process where the native library cannot be loaded, as on a system that it was not built for. */
export const withoutKoffi = {
  execArgv: [
    '--import',
    `data:text/javascript,${encodeURIComponent(`
      import { registerHooks } from 'node:module'
      registerHooks({
        resolve(specifier, context, next) {
          if (specifier !== 'koffi') return next(specifier, context)
          throw new Error('koffi has no build for this system')
        },
      })`)}`,
  ],
}

/** Starts the process in a user namespace of its own, with fewer inotify watches. */
export function limitedWatches(count: number): { execPath: string } {
  const launcher = path.join(temporaryDirectory('launch'), 'node-with-few-watches')
  const lower = `echo ${count} > /proc/sys/user/max_inotify_watches`
  writeFileSync(
    launcher,
    `#!/bin/sh\nexec unshare -Ur sh -c '${lower} && exec "$@"' sh ${process.execPath} "$@"\n`,
    { mode: 0o755 },
  )
  return { execPath: launcher }
}

/**
 * A real scanner process with a real ledger on one source, once it watches; in memory, where there is a file system
 * for that, as a burst of 20,000 files may take a disk half a minute.
 */
export async function scannedSource(
  processOptions: Parameters<typeof startScannerProcess>[0] = {},
  {
    settings = {},
    at = null,
    prepare = () => undefined,
    settled = true,
  }: {
    settings?: Record<string, unknown>
    at?: string | null
    prepare?: (root: string) => void
    settled?: boolean
  } = {},
) {
  const directory = temporaryDirectory('scanned', existsSync('/dev/shm') ? '/dev/shm' : undefined)
  const root = at ?? path.join(directory, 'source')
  mkdirSync(root, { recursive: true })
  prepare(root)
  const ledgerPath = path.join(directory, 'ledger.sqlite')
  const ledger = openLedger(ledgerPath)
  onTestFinished(() => ledger.close())
  const { uid } = processOptions
  if (uid !== undefined) execFileSync('chown', ['-R', `${uid}:${uid}`, directory])
  const scanner = startScannerProcess(processOptions)
  const config = {
    sources: [sourceSchema.parse({ id: 's', path: root, name: 'source', ...settings })],
    ledgerPath,
    destinations: [DESTINATION],
    ...defaultSettings.scan,
    reconcileSeconds: 3600,
    quietSeconds: 0.3,
  }
  scanner.configure(config)
  if (settled) await until('it watches', () => ['watching', 'polling'].includes(phase()))
  function phase(): string {
    return scanner.scanned.get('s')?.phase ?? ''
  }
  /** What waits, with the number of times that it became waiting. */
  const offers = () =>
    new Map(
      ledger.take(DESTINATION, 's', 100_000, Date.now(), new Set()).map((due) => [due.path, due.generation]),
    )
  return {
    root,
    scanner,
    config,
    ledger,
    phase,
    waiting: () => ledger.totals(DESTINATION).s?.waitingFiles ?? 0,
    offers,
    paths: () => [...offers().keys()].toSorted(),
    problems: () => scanner.scanned.get('s')?.problems.map(({ key }): string => key) ?? [],
    unsentBelow: (below: string) => ledger.unsentBelow(DESTINATION, 's', below).waiting,
    /** What a sender does: everything that waits is durable now. */
    sendAll: () => {
      const due = ledger.take(DESTINATION, 's', 100_000, Date.now(), new Set())
      ledger.markSent(
        due.map((file) => ({ ...file, mark: false })),
        Date.now(),
      )
      scanner.nudge()
    },
  }
}

export type ScannedSource = Awaited<ReturnType<typeof scannedSource>>

const writer = fileURLToPath(new URL('writer.ts', import.meta.url))

/** Has a program write files f<first> to f<last - 1> into each directory; gives their paths. */
export async function writeBurst(
  root: string,
  directories: readonly string[],
  [first, last]: readonly [number, number],
): Promise<string[]> {
  await execute(process.execPath, [writer, root, String(first), String(last), ...directories])
  const names = Array.from({ length: last - first }, (_, index) => `f${first + index}`)
  return directories.flatMap((directory) => names.map((name) => `${directory}/${name}`))
}

import { renameSync, writeFileSync } from 'node:fs'
import { type Ledger, openLedger } from '../../core/ledger/ledger.ts'
import { childProcessPort, serveWorker } from '../../core/lib/workers/serve.ts'
import { scannerDefinition } from '../../core/scan/scanner-messages.ts'
import { startScanner } from '../../core/scan/scanner-worker.ts'
import { InotifyWatcher } from '../../core/watch/inotify.ts'
import { burstIndex, monotonicMs, WATCHED } from './scan-stamps.ts'

/**
 * The product's own scanner process (bundled: scan.ts), with a clock at its watcher and at its ledger: when each file of
 * a burst came out of the watcher, and when the transaction that offered it was over. `SIGUSR2` has it write them to STAMPS (the first
 * word of its command line); it says WATCHED when the first comparison with the ledger begins, that is, when every
 * directory is watched.
 */
const stampsPath = process.argv[2] ?? ''
const stamps = {
  heardAt: [] as (number | null)[],
  offeredAt: [] as (number | null)[],
  watchedAt: null as number | null,
}

function stamp(times: (number | null)[], file: string, at: number): void {
  const index = burstIndex(file)
  if (index !== null) times[index] ??= at
}

function write(): void {
  writeFileSync(`${stampsPath}.new`, JSON.stringify(stamps))
  renameSync(`${stampsPath}.new`, stampsPath)
}

function openStampedLedger(file: string): Ledger {
  const ledger = openLedger(file)
  return {
    ...ledger,
    differing: (destination, source, files) => {
      if (stamps.watchedAt === null) {
        stamps.watchedAt = monotonicMs()
        process.send?.(WATCHED)
      }
      const heardAt = monotonicMs()
      const found = ledger.differing(destination, source, files)
      // Nothing is read of rows that bring nothing new: a comparison of a large tree costs what it costs.
      if (found.length > 0) for (const { path: file } of files) stamp(stamps.heardAt, file, heardAt)
      return found
    },
    offer: (destination, candidates) => {
      const waiting = ledger.offer(destination, candidates)
      const offeredAt = monotonicMs()
      for (const { path: file } of candidates) stamp(stamps.offeredAt, file, offeredAt)
      return waiting
    },
  }
}

const { open } = InotifyWatcher.prototype
InotifyWatcher.prototype.open = function (request, listener) {
  return open.call(this, request, {
    ...listener,
    finished(files) {
      const heardAt = monotonicMs()
      for (const { path: file } of files) stamp(stamps.heardAt, file, heardAt)
      listener.finished(files)
    },
  })
}

process.on('SIGUSR2', write)
serveWorker(
  childProcessPort(),
  scannerDefinition,
  startScanner({
    watcherThread: new URL('../../cli/workers/inotify-thread.js', import.meta.url),
    openLedger: openStampedLedger,
  }),
)

import { createTimeLeft } from '../pacing/time-left.ts'
import { createRates } from '../send/progress/rates.ts'
import type { Message } from '../words/message.ts'
import { sentenceOf } from '../words/problem.ts'
import type { Library } from './library.ts'
import type { RestoreEvent } from './put/events.ts'
import type { RestoreReport } from './report-schema.ts'
import { BEGUN, MOST_TOLD } from './report-schema.ts'
import type { ToRestore } from './restore.ts'
import { restoreFrom } from './restore.ts'
import { sentenceOfEvent } from './words.ts'

const REPORT_MS = 250

/** A restore, and what is reported of it. */
export type RunningRestore = ReturnType<typeof runRestore>

/**
 * @param open what it is from.
 * @param name the destination's.
 */
export function runRestore(
  open: (signal: AbortSignal) => Promise<Library>,
  name: string,
  wanted: ToRestore,
  report: (report: RestoreReport) => void,
) {
  const stopping = new AbortController()
  const { signal } = stopping
  const rates = createRates()
  const timeLeft = createTimeLeft()
  let now = BEGUN
  let toldAt = 0

  const leftAt = (at: number): number | null => {
    const { files, bytes, totalFiles, totalBytes } = now
    if (totalFiles === null || totalBytes === null) return null
    return timeLeft.left({ files: totalFiles - files, bytes: Math.max(0, totalBytes - bytes) }, at)
  }
  const tell = (isEnd: boolean) => {
    const at = performance.now()
    if (!isEnd && at - toldAt < REPORT_MS) return
    toldAt = at
    const rate = isEnd ? 0 : (rates.current(at)[''] ?? 0)
    now = { ...now, rate, left: isEnd ? null : leftAt(at) }
    report(now)
  }

  const take = async (event: RestoreEvent) => {
    const sentence: Message | null = sentenceOfEvent(name, event)
    if (event.kind === 'restored' || event.kind === 'same')
      now = { ...now, [event.kind]: now[event.kind] + 1 }
    else if (event.kind === 'exists')
      now = { ...now, kept: now.kept + 1, keptPaths: [...now.keptPaths, event.to].slice(0, MOST_TOLD) }
    else
      now = {
        ...now,
        failed: now.failed + 1,
        failures: [...now.failures, ...(sentence === null ? [] : [sentence])].slice(0, MOST_TOLD),
      }
    tell(false)
  }

  const run = async (): Promise<void> => {
    tell(true)
    try {
      const library = await open(signal)
      try {
        const progress = (counts: Pick<RestoreReport, 'files' | 'bytes' | 'totalFiles' | 'totalBytes'>) => {
          timeLeft.files(counts.files - now.files, performance.now())
          timeLeft.bytes(counts.bytes - now.bytes, performance.now())
          rates.add('', counts.bytes - now.bytes, performance.now())
          now = { ...now, ...counts }
          tell(false)
        }
        await restoreFrom(library, wanted, { event: take, progress }, signal)
      } finally {
        library.close()
      }
      now = { ...now, phase: signal.aborted ? 'stopped' : 'done' }
    } catch (thrown) {
      now = signal.aborted
        ? { ...now, phase: 'stopped' }
        : { ...now, phase: 'failed', sentence: sentenceOf(thrown) }
    }
    tell(true)
  }
  /** `ended` resolves when it has ended, and that was reported; it never rejects. */
  return { ended: run(), stop: () => stopping.abort() }
}

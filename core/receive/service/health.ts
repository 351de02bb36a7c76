import { randomBytes } from 'node:crypto'
import { statfs, unlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { ignoreError, warnUnlessCode } from '../../dropped-errors.ts'
import { LATE, withTimeout } from '../../lib/async/timing.ts'
import { type Message, message } from '../../lib/i18n/message.ts'
import { errorCode } from '../../platform/system-error.ts'
import type { StoreLayout } from '../../store/layout.ts'
import { type Floor, floorBytes } from '../../store/quota/admission.ts'
import type { Receiver } from '../receiver.ts'

/** Result of testing the store. */
export interface StoreProbeResult {
  /** The system's error name; null: a file was written, synced and removed. */
  writeError: string | null
  /** In bytes; null: not reported by the file system. */
  free: number | null
  size: number | null
}

/** A test of the store that takes longer counts as failed. */
const PROBE_WITHIN_MS = 2_000
/** Limit for calls of the data path: a busy disk may take this long, a healthy one does not take longer. */
const STALLED_MS = 30_000
/** Warns if less than this, or less than one percent, is free, even if no free space is required. */
const LEAST_FREE_BYTES = 256 * 1024 * 1024
/** Warns if free space falls below the required space times this factor. */
const NEARLY = 1.25

function spaceWords(free: number, size: number, floor: Floor): Message[] {
  const least = floorBytes(floor, size)
  if (free < least) return [message('transfer.healthFull', { free, floor: least })]
  const isNearly = free < Math.max(least * NEARLY, Math.min(LEAST_FREE_BYTES, size / 100))
  return isNearly ? [message('transfer.healthNearlyFull', { free })] : []
}

/**
 * Returns the problems as messages; an empty list means healthy. Pure.
 * @param floor required free space; below it files are refused.
 */
export function findProblems(
  probed: StoreProbeResult | 'unanswered',
  { stalledMs }: Pick<Receiver, 'stalledMs'>,
  floor: Floor,
): Message[] {
  const seconds = Math.round(stalledMs / 1000)
  if (stalledMs > STALLED_MS) return [message('transfer.healthStalled', { seconds })]
  if (probed === 'unanswered')
    return [message('transfer.healthStalled', { seconds: Math.max(seconds, PROBE_WITHIN_MS / 1000) })]
  const { writeError, free, size } = probed
  const problems: Message[] = []
  if (writeError !== null) problems.push(message('transfer.healthNotWritable', { reason: writeError }))
  if (free !== null && size !== null) problems.push(...spaceWords(free, size, floor))
  return problems
}

async function tryWriting(layout: StoreLayout): Promise<string | null> {
  const file = path.join(layout.own, `health-${process.pid}-${randomBytes(4).toString('hex')}`)
  try {
    await writeFile(file, 'holdfast\n', { flag: 'wx', mode: 0o600, flush: true })
    return null
  } catch (thrown) {
    return errorCode(thrown) ?? String(thrown)
  } finally {
    await unlink(file).catch((error) =>
      warnUnlessCode(error, ['ENOENT'], 'the file of a health check stays in the store'),
    )
  }
}

async function probe(layout: StoreLayout): Promise<StoreProbeResult> {
  const writeError = await tryWriting(layout)
  const space = await statfs(layout.root).catch(ignoreError('the health check reports no space', null))
  if (space === null) return { writeError, free: null, size: null }
  const { bavail, blocks, bsize } = space
  return { writeError, free: bavail * bsize, size: blocks * bsize }
}

/** Tests the store. */
export type StoreProbe = ReturnType<typeof createStoreProbe>

/** Creates a function that tests the store. Concurrent callers share one test, however long the disk takes. */
export function createStoreProbe(layout: StoreLayout): () => Promise<StoreProbeResult | 'unanswered'> {
  let running: Promise<StoreProbeResult> | null = null
  return async () => {
    const answer =
      running ??
      probe(layout).finally(() => {
        running = null
      })
    running = answer
    const result = await withTimeout(PROBE_WITHIN_MS, answer)
    return result === LATE ? 'unanswered' : result
  }
}

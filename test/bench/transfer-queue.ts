import type { openLedger } from '../../core/ledger/ledger.ts'
import { offerAll } from './transfer-ends.ts'

const QUEUED = 1_000_000
const PIECE = 10_000

/**
 * A ledger with a million files, of which those of the directory are the oldest and so go first. The others are only
 * said to exist: nobody comes to them.
 */
export function queueMillion(
  ledger: ReturnType<typeof openLedger>,
  source: string,
  destination: string,
): number {
  const files = offerAll(ledger, 's', source, destination)
  const later = BigInt(Date.now() + 86_400_000) * 1_000_000n
  for (let start = files; start < QUEUED; start += PIECE) {
    const candidates = Array.from({ length: Math.min(PIECE, QUEUED - start) }, (_, index) => ({
      source: 's',
      path: `later/d${Math.floor((start + index) / 1000)}/file${start + index}`,
      size: 4096,
      mtimeNs: later + BigInt(start + index),
      ctimeNs: later + BigInt(start + index),
      inode: BigInt(10_000_000 + start + index),
      device: 1n,
    }))
    ledger.offer(destination, candidates)
  }
  return files
}

import { createHash } from 'node:crypto'
import type { FileFacts } from '../../core/receive/file-facts.ts'

export const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

export function factsOf(name: string, size: number): FileFacts {
  return { folder: 'pc', source: 'data', path: name, size, mtimeMs: 1_600_000_000_500, mode: 0o640 }
}

import { createHash } from 'node:crypto'

/** Returns a directory's id, the same each time it is added: adding it again can complete an interrupted removal. */
export function idOfPath(real: string): string {
  return createHash('sha256').update(real).digest('hex').slice(0, 16)
}

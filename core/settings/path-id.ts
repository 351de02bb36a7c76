import { createHash } from 'node:crypto'

/** The same directory has the same id whenever it is added: a removal that was begun is then brought to its end. */
export function idOfPath(real: string): string {
  return createHash('sha256').update(real).digest('hex').slice(0, 16)
}

import type { Message, WordKey } from '../../words/message.ts'
import { message } from '../../words/message.ts'
import type { SourceState } from './schema.ts'

/** Problems that keep no file from being sent; the details of a source tell them. */
const HARMLESS: ReadonlySet<WordKey> = new Set(['scan.notClosed', 'scan.watchLimit'])

/** What keeps a source's files from being found or sent, if anything does: the newest of its problems. */
export function scanProblem({ scanned, settings }: SourceState): Message | null {
  if (scanned === null || settings.paused) return null
  const problem = [...scanned.problems].reverse().find(({ key }) => !HARMLESS.has(key))
  if (problem !== undefined) return problem
  const isStuck = scanned.phase === 'missing' || scanned.phase === 'failed'
  return isStuck ? message('status.notScanned', { name: settings.name }) : null
}

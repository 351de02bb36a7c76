import type { Intent, Note } from '../manifest/notes.ts'

/** Writes down intents, all that come while the last ones are written in one go; resolves when they are durable. */
export function gatherIntents(record: (notes: readonly Note[]) => Promise<void>) {
  let next: { notes: Intent[]; written: Promise<void> } | null = null
  let last: Promise<void> = Promise.resolve()
  return (intent: Intent): Promise<void> => {
    if (next === null) {
      const gathering: { notes: Intent[]; written: Promise<void> } = { notes: [], written: last }
      gathering.written = last.then(() => {
        next = null
        return record(gathering.notes)
      })
      next = gathering
      last = gathering.written
    }
    next.notes.push(intent)
    return next.written
  }
}

import type { DatabaseSyncInstance } from '@photostructure/sqlite'

/** A file whose time, mode and digest a destination has lost, and whose content is there as it was sent. */
export interface LostFacts {
  /** The source's id. */
  source: string
  path: string
  /** The time that it has there instead, in nanoseconds since 1970, as text. */
  mtimeNs: string
  /** The permission bits that it has there instead. */
  mode: number
}

/** Rows that one query returns at most. */
const ROWS = 1_000

/** Files whose facts a verification found lost. Each is a value of `meta`, until the sender has set them again. */
export function openLostFacts(database: DatabaseSyncInstance) {
  const toPrefix = (destination: string) => `lost facts ${destination} `
  const toKey = (destination: string, { source, path }: Pick<LostFacts, 'source' | 'path'>) =>
    `${toPrefix(destination)}${source} ${path}`
  const put = database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  const remove = database.prepare('DELETE FROM meta WHERE key = ? AND value = ?')
  const select = database.prepare(
    `SELECT value FROM meta WHERE key > max(?1, ?3) AND key < ?2 ORDER BY key LIMIT ${ROWS}`,
  )
  const removeOfSource = database.prepare(
    `DELETE FROM meta WHERE key > 'lost facts ' AND key < 'lost facts!' AND value ->> '$.source' = ?`,
  )
  return {
    keepLostFacts: (destination: string, file: LostFacts): void =>
      void put.run(toKey(destination, file), JSON.stringify(file)),

    /** Returns the next thousand files behind one; null: from the beginning. */
    lostFacts(destination: string, after: LostFacts | null): LostFacts[] {
      const behind = after === null ? '' : toKey(destination, after)
      const rows = select.all(toPrefix(destination), `lost facts ${destination}!`, behind)
      return (rows as { value: string }[]).map(({ value }) => JSON.parse(value) as LostFacts)
    },

    /** Forgets a file, unless it was found again with other facts. */
    endLostFacts: (destination: string, file: LostFacts): void =>
      void remove.run(toKey(destination, file), JSON.stringify(file)),

    /** Forgets the files of a source; inside the caller's transaction. */
    forgetLostFacts: (source: string): void => void removeOfSource.run(source),
  }
}

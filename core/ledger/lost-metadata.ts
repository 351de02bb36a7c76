import type { DatabaseSyncInstance } from '@photostructure/sqlite'

/** A file whose time, mode and digest a destination has lost, and whose content is there as it was sent. */
export interface LostMetadata {
  /** The source's id. */
  source: string
  path: string
  /** The time that it has there instead, in nanoseconds since 1970, as text. */
  mtimeNs: string
  /** The permission bits that it has there instead. */
  mode: number
}

/** Files whose metadata a verification found lost. Each is a value of `meta`, until the sender has set them again. */
export function openLostMetadata(database: DatabaseSyncInstance) {
  const toPrefix = (destination: string, source: string) => `lost facts ${destination} ${source} `
  const toKey = (destination: string, { source, path }: Pick<LostMetadata, 'source' | 'path'>) =>
    `${toPrefix(destination, source)}${path}`
  const put = database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)')
  const remove = database.prepare('DELETE FROM meta WHERE key = ? AND value = ?')
  const select = database.prepare('SELECT value FROM meta WHERE key > ? AND key < ? ORDER BY key LIMIT ?')
  const removeOfSource = database.prepare(
    `DELETE FROM meta WHERE key > 'lost facts ' AND key < 'lost facts!' AND value ->> '$.source' = ?`,
  )
  return {
    keepLostMetadata: (destination: string, file: LostMetadata): void =>
      void put.run(toKey(destination, file), JSON.stringify(file)),

    /** Returns at most `limit` files of a source, in the order of their paths, behind the path `after` ('' at first). */
    lostMetadata(destination: string, source: string, after: string, limit: number): LostMetadata[] {
      const end = `lost facts ${destination} ${source}!`
      const rows = select.all(toKey(destination, { source, path: after }), end, limit)
      return (rows as { value: string }[]).map(({ value }) => JSON.parse(value) as LostMetadata)
    },

    /** Forgets a file, unless it was found again with other metadata. */
    endLostMetadata: (destination: string, file: LostMetadata): void =>
      void remove.run(toKey(destination, file), JSON.stringify(file)),

    /** Forgets the files of a source; inside the caller's transaction. */
    forgetLostMetadata: (source: string): void => void removeOfSource.run(source),
  }
}

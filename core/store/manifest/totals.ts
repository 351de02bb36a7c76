import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { z } from 'zod'

const rowSchema = z.object({
  folder: z.string(),
  /** Files, older versions included. */
  files: z.number(),
  bytes: z.number(),
  /** Names on the disk: files, older versions, directories. */
  names: z.number(),
  /** The position of the last change, and the session that made it. */
  position: z.number(),
  session: z.string().nullable(),
})

/** Totals of a sender's folder. */
export type SenderTotals = Omit<z.infer<typeof rowSchema>, 'folder'>

export function allTotals(database: DatabaseSyncInstance) {
  const rows = database.prepare('SELECT * FROM sender ORDER BY folder').all()
  return rows.map((row): [folder: string, totals: SenderTotals] => {
    const { folder, ...totals } = rowSchema.parse(row)
    return [folder, totals]
  })
}

/** The totals that a transaction changes. */
export type OpenTotals = ReturnType<ReturnType<typeof prepareTotals>>

/** @param getFolder the folder of a source. */
export function prepareTotals(database: DatabaseSyncInstance, getFolder: (source: number) => string) {
  const find = database.prepare('SELECT * FROM sender WHERE folder = ?')
  const put = database.prepare(
    'INSERT OR REPLACE INTO sender (folder, files, bytes, names, position, session) VALUES (?, ?, ?, ?, ?, ?)',
  )

  const readTotals = (folder: string): SenderTotals => {
    const row = find.get(folder)
    if (row === undefined) return { files: 0, bytes: 0, names: 0, position: 0, session: null }
    const { folder: _, ...totals } = rowSchema.parse(row)
    return totals
  }

  return () => {
    const changed = new Map<string, SenderTotals>()
    const ofFolder = (folder: string): SenderTotals => {
      const totals = changed.get(folder) ?? readTotals(folder)
      changed.set(folder, totals)
      return totals
    }
    return {
      ofFolder,
      /** Returns the totals of a source's folder, by the source's id. */
      of: (source: number) => ofFolder(getFolder(source)),
      /** Writes the totals; called at the end of the transaction. @returns the changed totals by folder. */
      write() {
        for (const [folder, { files, bytes, names, position, session }] of changed)
          put.run(folder, files, bytes, names, position, session)
        return changed
      },
    }
  }
}

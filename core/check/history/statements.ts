import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'

const known = new WeakMap<DatabaseSyncInstance, Map<string, StatementSyncInstance>>()

/** A statement of this database, prepared once. */
export function prepared(database: DatabaseSyncInstance, sql: string): StatementSyncInstance {
  const statements = known.get(database) ?? new Map<string, StatementSyncInstance>()
  known.set(database, statements)
  const statement = statements.get(sql) ?? database.prepare(sql)
  statements.set(sql, statement)
  return statement
}

/**
 * What an older Holdfast wrote, as it is written now: until there could be several, the settings had one
 * `destination`, or null. It keeps its id, by which the ledger knows what it has. Anything else is left for the
 * schema to judge. Pure.
 */
export function migrateSettings(raw: unknown): unknown {
  if (typeof raw !== 'object' || raw === null || !('destination' in raw)) return raw
  const { destination, ...rest } = raw
  if ('destinations' in rest) return rest
  return { ...rest, destinations: destination === null ? [] : [destination] }
}

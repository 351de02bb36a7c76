import type { AppState, DestinationState } from './schema.ts'

/** A connection may show that a name which looked like another computer's is one of this one's. */
export function withConnection<D extends Pick<DestinationState, 'elsewhere' | 'kind'>>(
  destination: D,
  connection: DestinationState['connection'],
) {
  // A folder has no address: only its disk shows that another computer keeps it.
  const elsewhere =
    destination.kind === 'folder'
      ? connection.toItself === false
      : destination.elsewhere && connection.toItself !== true
  return { ...destination, connection, elsewhere }
}

/** What cannot be reached may have been away before this run began: its incident knows. */
export function sinceIncident(
  { incidents }: AppState,
  id: string,
  connection: DestinationState['connection'],
): DestinationState['connection'] {
  const lasting = incidents.find(
    ({ endedAt, kind, failing }) =>
      endedAt === null && kind === connection.state && `destination:${id}` in failing,
  )
  return { ...connection, since: Math.min(connection.since, lasting?.startedAt ?? connection.since) }
}

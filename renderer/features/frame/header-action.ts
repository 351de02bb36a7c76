import type { AppState } from '../../../core/agent/state/schema.ts'
import type { IncidentKind } from '../../../core/alerts/kinds.ts'

/** The one action that the header offers. */
export interface HeaderAction {
  kind: 'retry' | 'resume' | 'addDestination' | 'destinations' | 'decide' | 'details'
  /** Id of the incident to show; null: it is not recorded yet. */
  incident: string | null
}

/** A person has to choose what happens to the files. */
const DECIDED: ReadonlySet<IncidentKind> = new Set(['emptied', 'deleted', 'marked'])
/** The remedy is on the card of the destination. */
const AT_DESTINATION: ReadonlySet<IncidentKind> = new Set([
  'refused',
  'destination',
  'unreachable',
  'damaged',
])

const plain = (kind: HeaderAction['kind']): HeaderAction => ({ kind, incident: null })

/** Returns the action that the overall status calls for; null: none. */
export function findHeaderAction({ status, settings, incidents }: AppState): HeaderAction | null {
  const { level, failure, detail, more = [] } = status
  if (failure !== undefined) {
    const { kind, source } = failure
    if (kind === 'parked') return plain('retry')
    if (kind === 'paused') return plain('resume')
    if (AT_DESTINATION.has(kind)) return plain('destinations')
    const alike = incidents.filter(
      (one) => one.endedAt === null && one.kind === kind && (source === null || one.sources.includes(source)),
    )
    // The headline is about a failure that nobody has acknowledged, if there is one.
    const found = alike.find(({ acknowledged }) => acknowledged === null) ?? alike[0]
    return { kind: DECIDED.has(kind) ? 'decide' : 'details', incident: found?.id ?? null }
  }
  if (level === 'paused' && settings.pause !== null) return plain('resume')
  const isHere = [detail, ...more].some((one) => one?.key === 'status.connectReceiver')
  return isHere ? plain('addDestination') : null
}

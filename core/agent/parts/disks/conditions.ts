import { condition, type FoundCondition, unknown, well } from '../../state/condition.ts'
import type { AppState } from '../../state/schema.ts'
import { describeDiskTrouble } from './disks.ts'

/** Reports what disks, arrays and pools report about themselves. Nothing has failed yet. */
export function diskConditions(state: AppState, now: number): FoundCondition[] {
  const { settings, disks, incidents } = state
  if (!settings.check.diskHealth) return []
  if (disks.at === null)
    return incidents
      .filter(({ kind, endedAt }) => kind === 'disk-health' && endedAt === null)
      .flatMap(({ failing }) => Object.keys(failing).map((id) => ({ id, kind: 'unknown' as const })))
  return disks.all.flatMap((facts): FoundCondition[] => {
    const subject = { id: `disk:${facts.id}`, name: facts.name, source: null }
    const trouble = describeDiskTrouble(state, facts)
    // A disk that cannot be read ends no incident.
    if (trouble === null)
      return facts.readAt === null && facts.smart !== 'unsupported' ? unknown(subject) : well(subject, now)
    const { names, sentence, headline } = trouble
    const folders = new Set(facts.folders)
    const source = settings.sources.find(({ id }) => folders.has(id))?.id ?? null
    const named = { ...subject, name: names, source }
    return condition(named, 'disk-health', now, sentence, 0, { sentence: headline, detail: sentence })
  })
}

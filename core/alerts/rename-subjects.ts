import type { Incident, KeptPolicy } from './incident.ts'

/** Returns the agent's name of a subject of `holdfast receive`, which had other names while it was not an agent. */
function rename({ kind, group }: Pick<Incident, 'kind' | 'group'>, id: string): string {
  if (id === 'store' && group === 'store') return 'receiving'
  const isSender = kind === 'sender-silent' || kind === 'sender-failing'
  return isSender && /^(silent|failing):/.test(id) ? `sender:${id}` : id
}

function renameIn<T extends Incident>(incident: T): T {
  const renamed = <V>(of: Record<string, V>) =>
    Object.fromEntries(Object.entries(of).map(([id, value]) => [rename(incident, id), value]))
  const { group, paths, failing } = incident
  return { ...incident, group: rename(incident, group), paths: renamed(paths), failing: renamed(failing) }
}

/** Renames the subjects of a receiver of 0.1.0. Its incidents then last, and their ends are notified. */
export function renameSubjects({ open, owed, troubles }: KeptPolicy): KeptPolicy {
  return {
    open: open.map(renameIn),
    owed,
    troubles: troubles.map((one) => ({ ...one, incident: renameIn(one.incident) })),
  }
}

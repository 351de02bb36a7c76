import type { Alerts, Observation } from './alerts.ts'

/**
 * Passes on what is new of subjects that are looked at all the time: of each what it is now, and nothing while that
 * stays. A subject that was never anything but OK is not passed on.
 */
export function changesOnly(alerts: Pick<Alerts, 'observe' | 'incidents'>): {
  observe(all: readonly Observation[]): void
  keepOnly(ids: ReadonlySet<string>): void
} {
  const last = new Map<string, string>()
  const isFailing = (id: string) =>
    alerts.incidents().some((one) => one.endedAt === null && one.failing[id] !== undefined)
  return {
    observe(all) {
      for (const one of all) {
        // The sentence has its counts: another one is another text of the same incident. A person may want it told sooner.
        const text = one.kind === 'ok' ? 'ok' : JSON.stringify([one.kind, one.sentence, one.tellAfterMs])
        const before = last.get(one.id)
        if (before === text) continue
        last.set(one.id, text)
        // One of an earlier run may still be open.
        if (one.kind === 'ok' && before === undefined && !isFailing(one.id)) continue
        alerts.observe(one)
      }
    },
    keepOnly(ids) {
      for (const id of last.keys()) if (!ids.has(id)) last.delete(id)
    },
  }
}

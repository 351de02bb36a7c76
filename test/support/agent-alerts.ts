import { createAlerts } from '../../core/agent/alerts.ts'
import { type IncidentFile, noIncidentFile } from '../../core/agent/incident-file.ts'
import type { VerdictKind } from '../../core/check/messages.ts'
import { englishWords } from '../../core/words/words.ts'
import { checkedAs } from './checked.ts'

/** A check of one of the paths of one disk. */
export const checked = (kind: VerdictKind, id = 'a', code: string | null = null) =>
  checkedAs(id, {
    kind,
    code,
    path: `/disk/${id}`,
    delayMs: null,
    mount: { point: '/disk', device: '7:0', type: 'ext4', source: '/dev/loop0' },
  })

/** The agent's alerts, and what they told, took back and wanted confirmed. */
export function alerts(file: IncidentFile = noIncidentFile) {
  const told: string[] = []
  const withdrawn: string[] = []
  const confirmed: string[][] = []
  const running = createAlerts({
    words: () => englishWords,
    notify: ({ title, incident }) => told.push(`${title} (${incident.length > 0})`),
    withdraw: (incident) => withdrawn.push(incident),
    confirm: (ids) => confirmed.push(ids),
    changed: () => undefined,
    file,
  })
  return { running, told, withdrawn, confirmed }
}

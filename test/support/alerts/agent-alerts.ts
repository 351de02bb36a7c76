import { Alerts, type IncidentFile, noIncidentFile, type Observation } from '../../../core/alerts/alerts.ts'
import type { Incident, Notice } from '../../../core/alerts/incident.ts'
import { renderMessage } from '../../../core/alerts/render.ts'
import { message } from '../../../core/lib/i18n/message.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'

/** A check of one of the paths of one disk, each of them a source. */
export function checked(
  kind: Observation['kind'],
  id = 'a',
  changes: Partial<Observation> = {},
): Observation {
  return {
    id,
    path: `/disk/${id}`,
    group: '/disk',
    isOwn: false,
    kind,
    sentence: message('problem.other', { reason: kind }),
    source: id,
    step: null,
    tellAfterMs: 0,
    ...changes,
  }
}

const writer = { words: englishWords, computer: 'lab-3', labels: { project: '', resource: '' } }

/** The agent's alerts, and what they told, took back, wanted confirmed and had written down. */
export function alerts(file: IncidentFile = noIncidentFile) {
  const notices: Notice[] = []
  const withdrawn: string[] = []
  const confirmed: string[][] = []
  const recorded: Incident[] = []
  const muted = new Set<string>()
  const running = new Alerts({
    tell: (told) => void notices.push(...told),
    record: (incidents) => void recorded.push(...incidents),
    withdraw: (about) => withdrawn.push(about),
    confirm: (ids) => confirmed.push(ids),
    changed: () => undefined,
    isMuted: (source) => muted.has(source),
    file,
  })
  const letter = (notice: Notice) =>
    renderMessage(notice.id, notice, writer, { type: null, template: null }, notice.at)
  return {
    running,
    notices,
    withdrawn,
    confirmed,
    recorded,
    muted,
    /** The titles of all that was told. */
    told: () => notices.map((one) => letter(one).title),
    bodies: () => notices.map((one) => letter(one).body),
  }
}

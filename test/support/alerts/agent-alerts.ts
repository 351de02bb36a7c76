import path from 'node:path'
import { Alerts, type Observation } from '../../../core/alerts/alerts.ts'
import type { Incident, Notice } from '../../../core/alerts/incident.ts'
import { renderMessage } from '../../../core/alerts/render.ts'
import { openAlertDatabase } from '../../../core/alerts/store/database.ts'
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

/**
 * The agent's alerts, and what they told, took back, wanted confirmed and had written down.
 * @param directory of their database, which they write without a thread; null: nothing is stored
 * @param loads false: the test calls `load`
 */
export function alerts(directory: string | null = null, loads = true) {
  const database = directory === null ? null : openAlertDatabase(path.join(directory, 'alerts.db'))
  const notices: Notice[] = []
  const withdrawn: string[] = []
  const confirmed: string[][] = []
  const recorded: Incident[] = []
  const muted = new Set<string>()
  const disk = { isFull: false }
  const running = new Alerts({
    commit: async ({ policy, incidents, notices: told, evidence = [] }) => {
      notices.push(...told)
      recorded.push(...incidents)
      if (disk.isFull) return false
      database?.commit({ policy, incidents, entries: [], evidence })
      return true
    },
    withdraw: (about) => withdrawn.push(about),
    confirm: (ids) => confirmed.push(ids),
    changed: () => undefined,
    isMuted: (source) => muted.has(source),
  })
  const load = () => {
    running.resume(database?.load(Date.now()) ?? { policy: null, past: [] })
  }
  if (loads) load()
  const letter = (notice: Notice) =>
    renderMessage(notice.id, notice, writer, { type: null, template: null }, notice.at)
  return {
    running,
    load,
    /** Ends the run. */
    stop: () => {
      running.stop()
      database?.close()
    },
    notices,
    withdrawn,
    confirmed,
    recorded,
    muted,
    /** A full disk takes no decision. */
    disk,
    /** The titles of all that was told. */
    told: () => notices.map((one) => letter(one).title),
    bodies: () => notices.map((one) => letter(one).body),
  }
}

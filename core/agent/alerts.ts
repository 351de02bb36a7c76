import type { Announcement } from '../alert/announce.ts'
import { announce, tellAgainAtMs } from '../alert/announce.ts'
import { forget, isSuspected, observe } from '../alert/incidents.ts'
import type { AlertState, Incident as OpenIncident, Sample, Trouble } from '../alert/state.ts'
import { noAlerts } from '../alert/state.ts'
import { isUnstable } from '../alert/troubles.ts'
import type { Checked } from '../check/messages.ts'
import { message } from '../words/message.ts'
import type { Words } from '../words/words.ts'
import type { Notification } from './host.ts'
import type { IncidentFile } from './incident-file.ts'
import type { Incident } from './state/schema.ts'

/** A second sample is asked for after this, so that it does not wait for the next tick of a long interval. */
const CONFIRM_AFTER_MS = 1_000
/** Many paths that fail together are written down together. */
const KEEP_AFTER_MS = 200
/** Something to be told that is further ahead than a day is looked at again then. */
const LONGEST_TIMER_MS = 24 * 3_600_000

export interface Alerts {
  observe(checked: Checked): void
  /** Paths that are no longer checked take their incidents with them. */
  keepOnly(ids: ReadonlySet<string>): void
  /** Those that last first, then those that are over, newest first. */
  incidents(): Incident[]
  /** Resolves when what is to outlast this process is written, as far as its disk takes it. */
  stop(): Promise<void>
}

/** Feeds verdicts to the incident policy and tells what it decides. */
export function createAlerts(options: {
  words(): Words
  notify(notification: Notification): void
  /** The failure is over, or is another one now. */
  withdraw(incident: string): void
  /** Asks for another check of these paths now: one failure is a suspicion, two are an incident. */
  confirm(ids: string[]): void
  changed(): void
  /** Where incidents are kept over a restart. */
  file: IncidentFile
}): Alerts {
  let state: AlertState = { ...noAlerts, ...options.file.load() }
  let kept = outlineOf(state)
  let timer: NodeJS.Timeout | null = null
  let confirmTimer: NodeJS.Timeout | null = null
  let keepTimer: NodeJS.Timeout | null = null
  const suspected = new Set<string>()

  const confirmSoon = (id: string) => {
    suspected.add(id)
    confirmTimer ??= setTimeout(() => {
      confirmTimer = null
      const ids = [...suspected].filter((one) => isSuspected(state, one))
      suspected.clear()
      if (ids.length > 0) options.confirm(ids)
    }, CONFIRM_AFTER_MS)
  }

  /** Told first: an end of the process between the two has it told twice, rather than never. */
  const keep = () => {
    if (keepTimer !== null) clearTimeout(keepTimer)
    keepTimer = null
    // Its incident stays as it was until the recovery is told, too.
    if (state.recoveries.length > 0) return
    const outline = outlineOf(state)
    if (outline === kept) return
    kept = outline
    options.file.save(state)
  }
  /** What is shown of troubles that are no more. */
  const withdrawUnstable = (before: AlertState) => {
    for (const trouble of before.troubles) {
      const isOver = !state.troubles.some(({ id }) => id === trouble.id)
      if (isOver && isUnstable(trouble)) options.withdraw(unstableId(trouble))
    }
  }
  const tell = () => {
    timer = null
    const before = state
    const due = announce(state, performance.now())
    state = due.state
    withdrawUnstable(before)
    for (const announcement of due.announcements) {
      const { what, trouble } = announcement
      // It lasts now: that it comes and goes is true no more.
      if (what === 'failed' && trouble !== null) options.withdraw(unstableId(trouble))
      options.notify(notificationOf(announcement, options.words()))
    }
    keep()
    schedule()
  }
  const schedule = () => {
    if (timer !== null) clearTimeout(timer)
    const atMs = tellAgainAtMs(state)
    const inMs = atMs === null ? null : Math.max(0, Math.ceil(atMs - performance.now()))
    // A timer of Node that is set further ahead than it can be fires at once.
    timer = inMs === null ? null : setTimeout(tell, Math.min(inMs, LONGEST_TIMER_MS))
  }
  const step = (next: AlertState) => {
    const before = state
    state = next
    for (const { id, told } of before.open) {
      if (told && !state.open.some((incident) => incident.id === id)) options.withdraw(id)
    }
    withdrawUnstable(before)
    if (before.open !== state.open || before.past !== state.past) options.changed()
    keepTimer ??= setTimeout(keep, KEEP_AFTER_MS)
    schedule()
  }

  // Those of an earlier run that nobody was told of.
  schedule()

  return {
    observe: (checked) => {
      step(observe(state, sampleOf(checked)))
      if (isSuspected(state, checked.id)) confirmSoon(checked.id)
    },
    keepOnly: (ids) => {
      const known = [
        ...Object.keys(state.suspicions),
        ...state.open.flatMap(({ failing }) => Object.keys(failing)),
        ...state.troubles.flatMap(({ incident }) => Object.keys(incident.paths)),
      ]
      for (const id of new Set(known)) if (!ids.has(id)) step(forget(state, id, Date.now()))
    },
    incidents: () => [...state.open, ...state.past].slice(0, 100).map(visibleIncident),
    stop: () => {
      if (timer !== null) clearTimeout(timer)
      if (confirmTimer !== null) clearTimeout(confirmTimer)
      keep()
      return options.file.saved()
    },
  }
}

/** What of the incidents has to outlast this process; how long a call has been out by now need not. */
function outlineOf({ open, past, troubles }: AlertState): string {
  const lasting = open.map(({ id, told, isSilent, repeats, failing }) => {
    return [id, told, isSilent, repeats, Object.keys(failing)]
  })
  const unstable = troubles.map(({ id, incident }) => [id, incident.id, incident.endedAt])
  return JSON.stringify([lasting, past[0]?.id ?? null, past.length, unstable])
}

function sampleOf({ id, path, mount, overall }: Checked): Sample {
  const { kind, sentence } = overall
  const now = { at: Date.now(), steadyMs: performance.now() }
  return { id, path, group: mount?.point ?? path, isOwn: isOwnFault(overall), kind, sentence, ...now }
}

/**
 * A name that is not there, or may not be used, says nothing about its disk; one that is not mounted does. ext4's count
 * of errors stays until e2fsck, and its disk may fail meanwhile.
 */
function isOwnFault({ kind, code }: Checked['overall']): boolean {
  if (kind === 'missing') return code === 'ENOENT' || code === 'ENOTDIR'
  if (kind === 'io-error') return code === null
  return kind === 'permission' || kind === 'error'
}

function visibleIncident(incident: OpenIncident): Incident {
  const { id, kind, sentence, startedAt, endedAt } = incident
  return { id, kind, paths: pathsOf(incident), sentence, startedAt, endedAt }
}

/** Those that fail now while it lasts, then every one that was part of it. */
function pathsOf({ paths, failing, endedAt }: OpenIncident): string[] {
  if (endedAt !== null) return Object.values(paths)
  return Object.keys(failing).flatMap((id) => paths[id] ?? [])
}

/** What is shown of a trouble that comes and goes, whatever becomes of each of its incidents. */
const unstableId = ({ id }: Trouble) => `unstable-${id}`

/** The title names the trouble and the path, the body is the verdict's own sentence. */
export function notificationOf({ what, incident, trouble }: Announcement, words: Words): Notification {
  const paths = pathsOf(incident)
  const path = paths[0] ?? incident.group
  const others = paths.length - 1
  const kind = words(message(`kind.${incident.kind}`))
  const where = others > 0 ? words(message('notify.others', { path, count: others })) : path
  if (what === 'failed') {
    return {
      incident: incident.id,
      title: words(message('notify.failed', { kind, where })),
      body: words(incident.sentence),
      urgent: true,
    }
  }
  // A clock that was set back meanwhile makes no time less than none.
  const since = incident.startedAt
  const lasted = Math.max(0, (incident.endedAt ?? Date.now()) - since)
  if (what === 'lasting') {
    return {
      incident: incident.id,
      title: words(message('notify.failed', { kind, where })),
      body: words(message('notify.lastingBody', { lasted, since })),
      urgent: true,
    }
  }
  if (what === 'unstable' && trouble !== null) {
    const { times, startedAt } = trouble
    return {
      incident: unstableId(trouble),
      title: words(message('notify.unstable', { kind, where })),
      body: words(message('notify.unstableBody', { times, since: startedAt })),
      urgent: true,
    }
  }
  return {
    incident: trouble === null ? incident.id : unstableId(trouble),
    title: words(message('notify.recovered', { where })),
    body: words(message('notify.recoveredBody', { kind, where, lasted, since })),
    urgent: false,
  }
}

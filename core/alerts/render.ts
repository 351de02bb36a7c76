import { message } from '../lib/i18n/message.ts'
import { joinSentences, type Words } from '../lib/i18n/words.ts'
import { type CatalogEntry, type ChannelType, catalog, type templateNames } from './channels/catalog.ts'
import type { OutgoingMessage } from './channels/channel.ts'
import { isFiring, isUrgent, lastedMs, type Notice } from './incident.ts'
import { describeEnd, getSubjects, type IncidentKind, isDiskKind, namedSubjects } from './kinds.ts'

// Renders a notice as text; pure.

/** A notification delivered later than this, in milliseconds, includes its original time. */
const LATE_MS = 5 * 60_000

/** A notification for this computer's desktop or terminal. */
export interface Shown {
  about: string
  incident: string
  title: string
  body: string
  urgent: boolean
}

interface Writer {
  words: Words
  computer: string
  labels: OutgoingMessage['labels']
  /** Names of the sources and destinations, by id: in titles, and on the desktop in the text, too. */
  names?: Readonly<Record<string, string>>
}

/**
 * @param template of the channel; null: the default of its type
 * @param now milliseconds since 1970
 */
export function renderMessage(
  id: string,
  notice: Notice,
  writer: Writer,
  channel: { type: ChannelType | null; template: string | null },
  now: number,
): OutgoingMessage {
  const { words, computer, labels } = writer
  const names = (channel.type === null && writer.names) || {}
  const plain = formatTitle(notice, words, names)
  // The text of the read-only monitor stays as it was.
  const isHere = channel.type === null || channel.type === 'line-notify'
  const title = isHere ? plain : formatTitleElsewhere(notice, writer)
  const { incident } = notice
  const path = getSubjects(incident)[0] ?? ''
  const causes = isFiring(notice) ? (incident.cause ?? []) : []
  const cause = causes.length === 0 ? '' : joinSentences(causes, words)
  const short = formatNamedBody(notice, words, names) ?? formatBody(notice, { ...writer, names }, now)
  const entry: CatalogEntry | null = channel.type === null ? null : catalog[channel.type]
  const template = channel.template ?? entry?.template ?? '{title}\n{body}'
  const body = cause === '' ? short : `${short}\n${cause}`
  const filled = fillTemplate(cause === '' ? withoutCause(template) : template, {
    title,
    body: template.includes('{cause}') ? short : body,
    event: formatEvent(notice, words, plain, now),
    project: labels.project,
    resource: labels.resource === '' ? where(notice, words) : labels.resource,
    path,
    step: incident.step ?? '',
    cause,
    computer,
    since: words(message('notify.time', { at: incident.startedAt })),
    duration: words(message('notify.duration', { lasted: lastedMs(incident, now) })),
  })
  // A template may omit the title, but a test must always be recognizable.
  const isRecognizable = notice.what !== 'test' || filled.includes(words(message('notify.test')))
  const text = isRecognizable ? filled : `${title}\n${filled}`
  return { id, notice, title, body, text, urgent: isUrgent(notice), computer, labels }
}

/** Returns the notification for this computer's desktop or terminal. */
export const toShown = ({ notice, title, body, urgent }: OutgoingMessage): Shown => {
  return { about: notice.about, incident: notice.incident.id, title, body, urgent }
}

/** Removes the lines that have the cause alone. */
const withoutCause = (template: string) =>
  template
    .split(/\n|\\n/)
    .filter((line) => line !== '{cause}')
    .join('\n')

/** Fills in the names in braces. Unknown names stay as they are. A typed "\n" becomes a new line. */
export function fillTemplate<Name extends string = (typeof templateNames)[number]>(
  template: string,
  values: Record<Name, string>,
): string {
  const isName = (word: string): word is Name => Object.hasOwn(values, word)
  return template
    .replaceAll('\\n', '\n')
    .replace(/\{(\w+)\}/g, (braced, word: string) => (isName(word) ? values[word] : braced))
}

function where({ incident }: Notice, words: Words, names: Writer['names'] = {}): string {
  const subjects = namedSubjects(incident, names)
  const path = subjects[0] ?? incident.group
  const others = subjects.length - 1
  return others > 0 ? words(message('notify.others', { path, count: others })) : path
}

/** Describes a failing disk of a source without system calls, with its path; null: it is another failure. */
function formatNamedBody(notice: Notice, words: Words, names: Writer['names'] = {}): string | null {
  const { what, incident } = notice
  const { kind, startedAt: since } = incident
  const [path] = getSubjects(incident)
  if (what !== 'failed' || !isDiskKind(kind) || path === undefined) return null
  if (!Object.keys(incident.paths).some((id) => Object.hasOwn(names, id))) return null
  return `${words(message(`incident.${kind}`, { path: where(notice, words, names), since }))}\n${path}`
}

function formatTitle(notice: Notice, words: Words, names?: Writer['names']): string {
  const params = { kind: words(message(`kind.${notice.incident.kind}`)), where: where(notice, words, names) }
  switch (notice.what) {
    case 'failed':
    case 'lasting':
      return words(message('notify.failed', params))
    case 'unstable':
      return words(message('notify.unstable', params))
    case 'recovered':
    case 'over':
      return words(
        message(notice.incident.outcome === 'accepted' ? 'notify.accepted' : 'notify.recovered', params),
      )
    case 'summary':
      return words(message('notify.summary', params))
    case 'test':
      return words(message('notify.test'))
    case 'report':
      return String(notice.incident.sentence.params.title ?? '')
    default:
      return notice.what satisfies never
  }
}

/** Returns the title for readers of several computers: "[zugspitze-2] data: read-only since 00:38". */
function formatTitleElsewhere(notice: Notice, { words, computer, names }: Writer): string {
  const { what, incident } = notice
  const plain = formatTitle(notice, words, names)
  if (what === 'report') return plain
  const isLasting = what === 'failed' || what === 'lasting'
  const kind = words(message(`kind.${incident.kind}`))
  const params = {
    where: where(notice, words, names),
    // "I/O" stays as it is.
    kind: kind.replace(/^\p{Lu}(?=\p{Ll})/u, (first) => first.toLowerCase()),
    since: incident.startedAt,
  }
  return words(
    message('notify.from', { computer, title: isLasting ? words(message('notify.since', params)) : plain }),
  )
}

const ABSENCES = ['missing', 'unreachable', 'hung', 'computer-silent'] as const
/** True if the subject itself was away: then it is back, instead of a failure having ended. */
const isAbsence = (kind: IncidentKind): kind is (typeof ABSENCES)[number] =>
  (ABSENCES as readonly IncidentKind[]).includes(kind)

function formatBody(notice: Notice, { words, computer, names }: Writer, now: number): string {
  const { what, incident, times, at } = notice
  const kind = words(message(`kind.${incident.kind}`))
  const since = incident.startedAt
  const lasted = lastedMs(incident, at)
  /** The files that such an incident names change while it lasts. */
  const current = incident.kind === 'expected' ? [incident.sentence] : []
  const late = now - at > LATE_MS && isFiring(notice) ? ` ${words(message('notify.late', { at }))}` : ''
  switch (what) {
    case 'failed':
      return words(incident.sentence) + late
    case 'lasting':
      return joinSentences([...current, message('notify.lastingBody', { lasted, since })], words) + late
    case 'unstable':
      return joinSentences([...current, message('notify.unstableBody', { times, since })], words) + late
    case 'recovered':
    case 'over':
      return isAbsence(incident.kind)
        ? words(message(`notify.back.${incident.kind}`, { where: where(notice, words, names), lasted }))
        : words(describeEnd(incident) ?? message('notify.recoveredBody', { kind, lasted, since }))
    case 'summary':
      return words(message('notify.summaryBody', { kind, lasted, since }))
    case 'test':
      return words(message('notify.testBody', { computer }))
    case 'report':
      return words(incident.sentence)
    default:
      return what satisfies never
  }
}

/** Returns the text of the read-only monitor if a step of a check failed; otherwise the title. */
function formatEvent(notice: Notice, words: Words, title: string, now: number): string {
  const { step } = notice.incident
  if (step === null || notice.what === 'test') return title
  const lasted = words(message('notify.duration', { lasted: lastedMs(notice.incident, now) }))
  return isFiring(notice) ? `${step} failed` : `${step} works again, after ${lasted}`
}

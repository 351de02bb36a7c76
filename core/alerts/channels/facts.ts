import { message } from '../../lib/i18n/message.ts'
import { englishWords } from '../../lib/i18n/words.ts'
import { type IncidentKind, type Severity, severityOf, subjectsOf } from '../kinds.ts'
import type { Notice, NoticeKind } from '../notice.ts'
import type { OutgoingMessage } from './channel.ts'

/**
 * What a webhook or a program is given, as JSON. Names and meanings stay while `schema` does; there may be new ones.
 * Times are ISO 8601, in UTC.
 */
interface Facts {
  schema: 1
  /** The same for every attempt: whoever has seen it need not act again. */
  delivery: string
  /** The notice; every channel that tells it has the same. */
  id: string
  /** failed, lasting, unstable: something is wrong; recovered, over, summary: it is no more; test. */
  what: NoticeKind
  /** What notices of one failure have in common, from the first to the last. */
  about: string
  /** How often it came, where it comes and goes; else 1. */
  times: number
  at: string
  incident: IncidentFacts
  /** In the language that Holdfast speaks; `text` is what the channel's template makes of them. */
  title: string
  body: string
  text: string
  urgent: boolean
  computer: string
  labels: { project: string; resource: string }
}

interface IncidentFacts {
  id: string
  /** test: it is none. */
  kind: IncidentKind | 'test'
  severity: Severity | 'info'
  /** Those that fail; those that failed when it is over. */
  paths: string[]
  startedAt: string
  /** null: it lasts. */
  endedAt: string | null
  /** In English, whatever language Holdfast speaks. */
  sentence: string
}

export function factsOf(letter: OutgoingMessage): Facts {
  const { id, notice, title, body, text, urgent, computer, labels } = letter
  const { what, about, times, at } = notice
  return {
    schema: 1,
    delivery: id,
    id: notice.id,
    what,
    about,
    times,
    at: moment(at),
    incident: what === 'test' ? noIncident(letter) : incidentFacts(notice),
    // Half a surrogate pair is no text, and some readers of JSON refuse it.
    title: title.toWellFormed(),
    body: body.toWellFormed(),
    text: text.toWellFormed(),
    urgent,
    computer,
    labels,
  }
}

function incidentFacts({ incident }: Notice): IncidentFacts {
  const { id, kind, startedAt, endedAt, sentence } = incident
  return {
    id,
    kind,
    severity: severityOf(kind),
    paths: subjectsOf(incident).map((path) => path.toWellFormed()),
    startedAt: moment(startedAt),
    endedAt: endedAt === null ? null : moment(endedAt),
    sentence: englishWords(sentence),
  }
}

/** A test is about nothing that fails: no machine that reads it may take its example for a fault. */
function noIncident({ notice: { incident, at }, computer }: OutgoingMessage): IncidentFacts {
  return {
    id: incident.id,
    kind: 'test',
    severity: 'info',
    paths: [],
    startedAt: moment(at),
    endedAt: moment(at),
    sentence: englishWords(message('notify.testBody', { computer })),
  }
}

function moment(at: number): string {
  return new Date(at).toISOString()
}

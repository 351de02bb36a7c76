import { englishWords } from '../../words/words.ts'
import { type IncidentKind, type Severity, severityOf, subjectsOf } from '../kinds.ts'
import type { NoticeKind } from '../notice.ts'
import type { Letter } from './channel.ts'

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
  incident: {
    id: string
    kind: IncidentKind
    severity: Severity
    /** Those that fail; those that failed when it is over. */
    paths: string[]
    startedAt: string
    /** null: it lasts. */
    endedAt: string | null
    /** In English, whatever language Holdfast speaks. */
    sentence: string
  }
  /** In the language that Holdfast speaks; `text` is what the channel's template makes of them. */
  title: string
  body: string
  text: string
  urgent: boolean
  computer: string
  labels: { project: string; resource: string }
}

export function factsOf({ id, notice, title, body, text, urgent, computer, labels }: Letter): Facts {
  const { incident, what, about, times, at } = notice
  const { kind, startedAt, endedAt, sentence } = incident
  return {
    schema: 1,
    delivery: id,
    id: notice.id,
    what,
    about,
    times,
    at: moment(at),
    incident: {
      id: incident.id,
      kind,
      severity: severityOf(kind),
      paths: subjectsOf(incident).map((path) => path.toWellFormed()),
      startedAt: moment(startedAt),
      endedAt: endedAt === null ? null : moment(endedAt),
      sentence: englishWords(sentence),
    },
    // Half a surrogate pair is no text, and some readers of JSON refuse it.
    title: title.toWellFormed(),
    body: body.toWellFormed(),
    text: text.toWellFormed(),
    urgent,
    computer,
    labels,
  }
}

function moment(at: number): string {
  return new Date(at).toISOString()
}

import { createHmac } from 'node:crypto'
import { message } from '../../lib/i18n/message.ts'
import { englishWords, joinSentences } from '../../lib/i18n/words.ts'
import type { Incident, NoticeKind } from '../incident.ts'
import { describeEnd, getSeverity, getSubjects, type IncidentKind, type Severity } from '../kinds.ts'
import type { Channel, OutgoingMessage } from './channel.ts'
import { json, post } from './http.ts'

/**
 * Posts the facts as JSON. With a key, the header X-Holdfast-Signature contains `sha256=` and the
 * hexadecimal HMAC-SHA256 of the exact bytes of the body, so that the other end can verify the sender.
 */
export const webhook: Channel = {
  send(letter, given) {
    const { url = '', key = '' } = given.secrets
    const request = json(url, buildPayload(letter), { 'X-Holdfast-Delivery': letter.id })
    return post({ ...request, headers: { ...request.headers, ...signBody(key, request.body) } }, given)
  },
}

/** Returns the header that signs a body; none without a key. */
export const signBody = (key: string, body: string): Record<string, string> =>
  key === ''
    ? {}
    : { 'X-Holdfast-Signature': `sha256=${createHmac('sha256', key).update(body).digest('hex')}` }

/**
 * The JSON object for a webhook or a program. Names and meanings stay the same while `schema` does; fields may be
 * added. Times are ISO 8601, in UTC.
 */
interface Facts {
  schema: 1
  /** The same for every attempt, so that a receiver can ignore repetitions. */
  delivery: string
  /** Id of the notice, the same in all channels. */
  id: string
  /** failed, lasting, unstable: a failure; recovered, over, summary: its end; test. */
  what: NoticeKind
  /** Shared by all notices of one failure, from the first to the last. */
  about: string
  /** Number of incidents in the flap series; otherwise 1. */
  times: number
  at: string
  incident: IncidentFacts
  /** In Holdfast's language. `text` is the channel's filled-in template. */
  title: string
  body: string
  text: string
  urgent: boolean
  computer: string
  labels: { project: string; resource: string }
}

interface IncidentFacts {
  id: string
  /** test, report: no real incident. */
  kind: IncidentKind | 'test' | 'report'
  severity: Severity | 'info'
  /** The failing paths; after the end, those that had failed. */
  paths: string[]
  startedAt: string
  /** null: it is ongoing. */
  endedAt: string | null
  /** Always in English. After the end, how it ended, if that is known. */
  sentence: string
  /** Sentences about the cause, in English; missing: the cause is unknown. */
  cause?: string
}

export function buildPayload(letter: OutgoingMessage): Facts {
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
    incident:
      what === 'test' || what === 'report' ? noIncident(letter, what) : describeIncident(notice.incident),
    // An unpaired surrogate is not valid text, and some JSON parsers reject it.
    title: title.toWellFormed(),
    body: body.toWellFormed(),
    text: text.toWellFormed(),
    urgent,
    computer,
    labels,
  }
}

/** Returns the facts of an incident for another program. @param hasEnded true: its sentence is that of its end */
export function describeIncident(incident: Incident, hasEnded = incident.endedAt !== null) {
  const { id, kind, startedAt, endedAt, cause = [] } = incident
  const sentence = (hasEnded ? describeEnd(incident) : null) ?? incident.sentence
  return {
    id,
    kind,
    severity: getSeverity(kind),
    paths: getSubjects(incident).map((path) => path.toWellFormed()),
    startedAt: moment(startedAt),
    endedAt: endedAt === null ? null : moment(endedAt),
    // An unpaired surrogate is not valid text, and some JSON parsers reject it.
    sentence: englishWords(sentence).toWellFormed(),
    ...(cause.length > 0 && { cause: joinSentences(cause, englishWords).toWellFormed() }),
  }
}

/** Returns a placeholder for a test or a report, so that no program takes it for a failure. */
function noIncident(
  { notice: { incident, at }, computer }: OutgoingMessage,
  kind: 'test' | 'report',
): IncidentFacts {
  return {
    id: incident.id,
    kind,
    severity: 'info',
    paths: [],
    startedAt: moment(at),
    endedAt: moment(at),
    sentence: englishWords(kind === 'test' ? message('notify.testBody', { computer }) : incident.sentence),
  }
}

function moment(at: number): string {
  return new Date(at).toISOString()
}

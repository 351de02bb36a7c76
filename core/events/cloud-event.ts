import { createHash } from 'node:crypto'
import path from 'node:path'
import { z } from 'zod'
import { describeIncident } from '../alerts/channels/webhook.ts'
import { type Incident, incidentSchema } from '../alerts/incident.ts'
import { EVENT, type EventRow } from '../ledger/ledger-messages.ts'
import { messageSchema } from '../lib/i18n/message-schema.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { englishWords } from '../lib/i18n/words.ts'
import { parsePast } from '../lib/moment.ts'
import { type EventType, eventTypes } from '../settings/event-sinks.ts'
import type { Settings } from '../settings/schema.ts'

// The form of an event outside of Holdfast: CloudEvents 1.0 (https://github.com/cloudevents/spec). Pure.

/** All types begin with it. */
export const TYPE_PREFIX = 'app.holdfast.'
/** `events.gap`: events before it are gone. `events.test`: a person tests a sink. */
const allTypes = [...eventTypes, 'events.gap', 'events.test'] as const
type AnyType = (typeof allTypes)[number]

/** The names of a source or a destination; both are the id after it was removed. */
const namedSchema = z.object({ id: z.string(), name: z.string() })

const incidentDataSchema = z.object({
  id: z.string(),
  kind: z.string(),
  severity: z.enum(['critical', 'warning']),
  /** The failing paths; after the end, those that had failed. */
  paths: z.array(z.string()),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  /** In English. */
  sentence: z.string(),
  /** Sentences about the cause, in English; missing: the cause is unknown. */
  cause: z.string().optional(),
})

export const cloudEventSchema = z.object({
  specversion: z.literal('1.0'),
  /** The same for each delivery of an event: a consumer removes duplicates by `source` and `id`. */
  id: z.string(),
  /** This computer and its data directory. */
  source: z.string(),
  type: z.enum(allTypes.map((type) => `${TYPE_PREFIX}${type}` as const)),
  time: z.iso.datetime(),
  /** The path of the file or batch directory, below the name of its source. */
  subject: z.string().optional(),
  datacontenttype: z.literal('application/json'),
  /** The place behind the event, to continue from. */
  cursor: z.string(),
  /** The event may have been delivered before. */
  redelivered: z.literal(true).optional(),
  data: z.object({
    source: namedSchema.optional(),
    destination: namedSchema.optional(),
    /** Relative to the source, with "/"; of a restored file absolute. */
    path: z.string().optional(),
    /** Bytes of the durable content. */
    size: z.number().optional(),
    /** Digest of the content: "blake3:" and 64 hexadecimal digits. */
    digest: z.string().optional(),
    /** durable: newer content of the file waits already. */
    newerWaits: z.literal(true).optional(),
    /** durable: the destination's copy was damaged, and has this content again. */
    healed: z.literal(true).optional(),
    /** deleted: by whom. */
    by: z.enum(['holdfast', 'others']).optional(),
    /** damaged: what a verification found at the destination. */
    finding: z.enum(['damaged', 'missing', 'unreadable']).optional(),
    /** parked: why, in English. */
    reason: z.string().optional(),
    incident: incidentDataSchema.optional(),
  }),
})
export type CloudEvent = z.infer<typeof cloudEventSchema>

/**
 * A place in both logs: the numbers of the last events before it, of the ledger and of the incidents. No number is ahead
 * of the microseconds since 1970, so a time is a place behind all events before it.
 */
export interface Cursor {
  ledger: number
  incidents: number
}

/** The place before all events. */
export const BEGINNING: Cursor = { ledger: 0, incidents: 0 }

/** @param at milliseconds since 1970. */
export const cursorAt = (at: number): Cursor => ({ ledger: at * 1000, incidents: at * 1000 })

/** True for a cursor of `cursorAt`: the numbers of two logs are hardly ever equal. */
export const isTimeCursor = ({ ledger, incidents }: Cursor): boolean => ledger === incidents

export const formatCursor = ({ ledger, incidents }: Cursor): string => `${ledger}-${incidents}`

/** Parses a cursor, "now", "beginning" or a time; null: it is none. */
export function parseCursor(text: string, now: number): Cursor | null {
  if (text === 'beginning') return BEGINNING
  if (text === 'now') return cursorAt(now)
  const at = parsePast(text, now)
  if (at !== null) return cursorAt(at)
  const [, ledger, incidents] = /^(\d{1,16})-(\d{1,16})$/.exec(text) ?? []
  const cursor = { ledger: Number(ledger), incidents: Number(incidents) }
  return Object.values(cursor).every(Number.isSafeInteger) ? cursor : null
}

/** Parses a cursor that a person gave. @throws UserError events.cursor */
export function readCursor(text: string): Cursor {
  const cursor = parseCursor(text, Date.now())
  if (cursor === null) throw new UserError('events.cursor', { cursor: text })
  return cursor
}

/** Which events a reader wants; null: all. A gap is always one of them. */
export interface EventFilter {
  types: readonly EventType[] | null
  /** Ids of sources. Events without a source are wanted, too. */
  sources: readonly string[] | null
}

/** An event as it was read, before it gets its names. */
export type ReadEvent = { cursor: Cursor } & (
  | { log: 'ledger'; row: EventRow }
  | { log: 'incidents'; seq: number; at: number; type: 'began' | 'ended'; incident: Incident }
)

const TYPE_OF_ROW: Record<number, AnyType> = {
  [EVENT.gap]: 'events.gap',
  [EVENT.durable]: 'file.durable',
  [EVENT.parked]: 'file.parked',
  [EVENT.deleted]: 'file.deleted',
  [EVENT.restored]: 'file.restored',
  [EVENT.damaged]: 'file.damaged',
  [EVENT.batchDurable]: 'batch.durable',
}

export const typeOfRow = (type: number): AnyType | null => TYPE_OF_ROW[type] ?? null

export function isWanted(event: ReadEvent, { types, sources }: EventFilter): boolean {
  const type = event.log === 'ledger' ? typeOfRow(event.row.type) : (`incident.${event.type}` as const)
  if (type === null) return false
  if (type === 'events.gap') return true
  const about = event.log === 'ledger' ? [event.row.source ?? []].flat() : event.incident.sources
  const isOfSource = sources === null || about.length === 0 || about.some((id) => sources.includes(id))
  return isOfSource && (types === null || types.some((one) => one === type))
}

/** The computer's own names in its events. */
export interface EventNames {
  /** CloudEvents' `source`. */
  origin: string
  /** Names of sources and destinations, by id. */
  sources: ReadonlyMap<string, string>
  destinations: ReadonlyMap<string, string>
}

/** Returns the computer's own names in its events. */
export function getEventNames(
  { sources, destinations }: Pick<Settings, 'sources' | 'destinations'>,
  computer: string,
  directory: string,
): EventNames {
  const toNames = (some: readonly { id: string; name: string }[]) =>
    new Map(some.map(({ id, name }) => [id, name]))
  const id = createHash('sha256')
    .update(`${computer}\n${path.resolve(directory)}`)
    .digest('hex')
    .slice(0, 12)
  return {
    origin: `urn:holdfast:${encodeURIComponent(computer.toWellFormed())}:${id}`,
    sources: toNames(sources),
    destinations: toNames(destinations),
  }
}

const moment = (at: number): string => new Date(at).toISOString()

const named = (id: string | null, names: ReadonlyMap<string, string>) =>
  id === null ? undefined : { id, name: names.get(id) ?? id }

function describeRow(row: EventRow, names: EventNames): CloudEvent['data'] {
  const { source, destination, path, size, digest, detail, type } = row
  const found = named(source, names.sources)
  const sentTo = named(destination, names.destinations)
  return {
    ...(found === undefined ? {} : { source: found }),
    ...(sentTo === undefined ? {} : { destination: sentTo }),
    ...(path === null ? {} : { path: path.toWellFormed() }),
    ...(size === null ? {} : { size }),
    ...(digest === null || type !== EVENT.durable
      ? {}
      : { digest: `blake3:${Buffer.from(digest).toString('hex')}` }),
    ...(type === EVENT.durable && detail === 'older' ? { newerWaits: true } : {}),
    ...(type === EVENT.durable && detail === 'healed' ? { healed: true } : {}),
    ...(type === EVENT.deleted ? { by: detail === 'holdfast' ? 'holdfast' : 'others' } : {}),
    ...(type === EVENT.damaged ? { finding: cloudEventSchema.shape.data.shape.finding.parse(detail) } : {}),
    ...(type === EVENT.parked && detail !== null
      ? { reason: englishWords(messageSchema.parse(JSON.parse(detail))).toWellFormed() }
      : {}),
  }
}

/** Returns an event in its form outside. @param redelivered see cloudEventSchema. */
export function toCloudEvent(event: ReadEvent, names: EventNames, redelivered = false): CloudEvent {
  const common = {
    specversion: '1.0',
    source: names.origin,
    datacontenttype: 'application/json',
    cursor: formatCursor(event.cursor),
    ...(redelivered ? ({ redelivered: true } as const) : {}),
  } as const
  if (event.log === 'incidents') {
    const { incident, at } = event
    const incidentData = describeIncident(incident, event.type === 'ended')
    return {
      ...common,
      id: `i${event.seq}`,
      type: `${TYPE_PREFIX}incident.${event.type}`,
      time: moment(at),
      ...(incidentData.paths[0] === undefined ? {} : { subject: incidentData.paths[0] }),
      data: { incident: incidentData },
    }
  }
  const { row } = event
  const data = describeRow(row, names)
  const subject = [data.source?.name, data.path].filter((part) => part !== undefined).join('/')
  return {
    ...common,
    id: `f${row.seq}`,
    type: `${TYPE_PREFIX}${typeOfRow(row.type) ?? 'events.gap'}`,
    time: moment(row.at),
    ...(subject === '' ? {} : { subject }),
    data,
  }
}

/** Returns the event with which a person tests a sink. */
export const createTestEvent = (origin: string, id: string, now: number): CloudEvent => ({
  specversion: '1.0',
  id,
  source: origin,
  type: `${TYPE_PREFIX}events.test`,
  time: moment(now),
  datacontenttype: 'application/json',
  cursor: formatCursor(cursorAt(now)),
  data: {},
})

/** Parses the incident of a row. */
export const parseIncident = (facts: string): Incident => incidentSchema.parse(JSON.parse(facts))

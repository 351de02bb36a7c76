import { z } from 'zod'
import { type Field, getPlace, refuseValue } from '../alerts/channels/catalog.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import type { SecretOwner } from './secret-owner.ts'

// Sinks of events: the schema, and pure functions that change the settings. See core/events.

/** Names of events without "app.holdfast.", which all types begin with. */
export const eventTypes = [
  'file.durable',
  'file.parked',
  'file.deleted',
  'file.restored',
  'file.damaged',
  'batch.durable',
  'incident.began',
  'incident.ended',
] as const
export type EventType = (typeof eventTypes)[number]

const text = (name: string, given?: string): Field => ({
  name,
  kind: 'text',
  required: false,
  ...(given === undefined ? {} : { default: given }),
})
const secret = (name: string, required: boolean): Field => ({ name, kind: 'secret', required })

/** Default of an MQTT sink's topic. */
export const DEFAULT_TOPIC = 'holdfast/{computer}/{type}'
/** Placeholders of a topic. */
export const TOPIC_PLACEHOLDERS = /\{(computer|type|folder)\}/g
/** Matches wildcards (MQTT 5, 4.7.1) and unknown placeholders: a topic of messages must not contain them. */
const NOT_IN_TOPICS = /[+#]|\{[^/]*\}/

/**
 * The kinds of sinks with the fields of their forms. A command can be set in the settings file only: another person who
 * may change settings, such as by the web page, must not choose a program to run here.
 */
export const sinkCatalog = {
  webhook: { fields: [secret('url', true), secret('key', false)], isAddable: true },
  mqtt: {
    fields: [
      { name: 'broker', kind: 'broker', required: true },
      { ...text('topic', DEFAULT_TOPIC), isPlace: false },
      text('user'),
      secret('password', false),
      text('ca'),
    ],
    isAddable: true,
  },
  command: { fields: [], isAddable: false },
} as const satisfies Record<string, { fields: readonly Field[]; isAddable: boolean }>

export type SinkKind = keyof typeof sinkCatalog
export const sinkKinds = Object.keys(sinkCatalog) as SinkKind[]

export const getSinkFields = (kind: SinkKind): readonly Field[] => sinkCatalog[kind].fields

export const eventSinkSchema = z
  .object({
    id: z.string().regex(/^[a-z0-9-]{1,40}$/),
    name: z.string().min(1).max(100),
    kind: z.enum(sinkKinds),
    enabled: z.boolean().default(true),
    /** By the catalog's names; omitted options have their defaults. */
    options: z.record(z.string(), z.string()).default({}),
    /** The program of a command and its arguments; no shell is used. Empty for the other kinds. */
    command: z.array(z.string().max(4096)).max(100).default([]),
    /** Types of its events; null: all. */
    types: z.array(z.enum(eventTypes)).min(1).nullable().default(null),
    /** Ids of the sources of its events, besides events without a source; null: all. */
    sources: z.array(z.string()).max(1000).nullable().default(null),
    /** When it was added: it gets later events. Milliseconds since 1970; null: it gets events from its first start on. */
    since: z.number().nullable().default(null),
  })
  .superRefine(({ kind, options, command }, context) => {
    const fail = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message })
    const fields = getSinkFields(kind).filter((field) => field.kind !== 'secret')
    for (const field of fields) {
      const why = refuseValue(field, options[field.name] ?? field.default ?? '')
      if (why !== null) fail(['options', field.name], `${field.name} is ${why}`)
    }
    const unknown = Object.keys(options).find((name) => !fields.some((field) => field.name === name))
    if (unknown !== undefined) fail(['options', unknown], `there is no option "${unknown}"`)
    if ((kind === 'command') !== ((command[0] ?? '') !== ''))
      fail(['command'], 'a command, and no other kind, has a program')
  })
export type EventSink = z.infer<typeof eventSinkSchema>

/** Limit of the sinks of one computer. */
const MOST_SINKS = 20

export const eventsSettingsSchema = z.object({
  /** Events are kept this long, for sinks and readers that were away. */
  keepDays: z.number().int().min(1).max(366).default(7),
  /** Limit of the kept events; a million take about 100 MB. */
  keepRows: z.number().int().min(1_000).max(100_000_000).default(1_000_000),
  sinks: z.array(eventSinkSchema).max(MOST_SINKS).default([]),
})

/** Settings that have sinks. */
interface WithEvents {
  events: z.infer<typeof eventsSettingsSchema>
}

/** Returns the values of a sink's options, including defaults. */
export const getSinkOptions = ({ kind, options }: Pick<EventSink, 'kind' | 'options'>) =>
  Object.fromEntries(
    getSinkFields(kind)
      .filter((field) => field.kind !== 'secret')
      .map((field) => [field.name, options[field.name] || (field.default ?? '')]),
  )

export const secretsOfSink = ({
  id,
  name,
  kind,
  options,
}: Pick<EventSink, 'id' | 'name' | 'kind' | 'options'>): SecretOwner => ({
  id: toSecretId(id),
  name,
  type: kind,
  place: getPlace(kind, getSinkFields(kind), getSinkOptions({ kind, options })),
  fields: getSinkFields(kind).filter((field) => field.kind === 'secret'),
})

/** Returns the owner of a sink's secrets: a channel may have the same id. */
export const toSecretId = (sink: string): string => `sink:${sink}`

/** Finds a sink by its id or name. @throws UserError events.noSink */
export function getSink({ events }: WithEvents, given: string): EventSink {
  const sink = events.sinks.find(({ id, name }) => id === given || name === given)
  if (sink === undefined) throw new UserError('events.noSink', { id: given })
  return sink
}

/**
 * Checks the topic of a sink that is new. The schema does not: a sink of an earlier version must not make the settings
 * invalid.
 * @throws UserError events.topic
 */
export function checkTopic({ kind, options: { topic = '' } }: EventSink): void {
  const wrong = kind === 'mqtt' && NOT_IN_TOPICS.exec(topic.replace(TOPIC_PLACEHOLDERS, ''))
  if (wrong) throw new UserError('events.topic', { topic, part: wrong[0] })
}

/** @throws UserError events.sinkTwice, events.mostSinks, events.commandInSettings, events.topic */
export function withSink<S extends WithEvents>(settings: S, sink: EventSink): S {
  const isSame = ({ id, name }: EventSink) => id === sink.id || name.toLowerCase() === sink.name.toLowerCase()
  if (settings.events.sinks.some(isSame)) throw new UserError('events.sinkTwice', { name: sink.name })
  if (!sinkCatalog[sink.kind].isAddable) throw new UserError('events.commandInSettings')
  checkTopic(sink)
  return withSinks(settings, [...settings.events.sinks, sink])
}

/** @throws UserError events.noSink, events.commandInSettings */
export function withSinkEnabled<S extends WithEvents>(settings: S, id: string, enabled: boolean): S {
  const known = getChangeable(settings, id)
  return withSinks(
    settings,
    settings.events.sinks.map((one) => (one === known ? { ...one, enabled } : one)),
  )
}

/** @throws UserError events.noSink, events.commandInSettings */
export function withoutSink<S extends WithEvents>(settings: S, id: string): S {
  const known = getChangeable(settings, id)
  return withSinks(
    settings,
    settings.events.sinks.filter((one) => one !== known),
  )
}

function getChangeable(settings: WithEvents, id: string): EventSink {
  const sink = getSink(settings, id)
  if (!sinkCatalog[sink.kind].isAddable) throw new UserError('events.commandInSettings')
  return sink
}

/** Replaces the sinks. @throws UserError events.mostSinks: the settings would be invalid */
export function withSinks<S extends WithEvents>(settings: S, sinks: EventSink[]): S {
  if (sinks.length > MOST_SINKS)
    throw new UserError('events.mostSinks', { count: sinks.length, most: MOST_SINKS })
  return { ...settings, events: { ...settings.events, sinks } }
}

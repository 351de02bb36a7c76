import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type CloudEvent, cloudEventSchema } from '../../../core/events/cloud-event.ts'
import type { Recorded } from '../servers/recording-server.ts'

interface Given {
  sources: { id: string; path: string; name: string; kind?: 'batch' }[]
  sinks: object[]
  /** By the ids of the sinks. */
  secrets?: Record<string, Record<string, string>>
}

/** Writes the settings and secrets of an agent with sinks of events. */
export function writeEventSettings(data: string, { sources, sinks, secrets = {} }: Given): void {
  const settings = { sources, events: { sinks }, send: { retrySeconds: 1 } }
  writeFileSync(path.join(data, 'settings.json'), JSON.stringify(settings))
  const plain = (values: Record<string, string>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { plain: value }]))
  const owners = Object.fromEntries(
    Object.entries(secrets).map(([id, values]) => [`sink:${id}`, plain(values)]),
  )
  writeFileSync(path.join(data, 'secrets.json'), JSON.stringify({ version: 2, owners }), { mode: 0o600 })
}

/** Parses the events of a webhook's request. */
export const eventsIn = ({ body }: Pick<Recorded, 'body'>): CloudEvent[] =>
  cloudEventSchema.array().parse(JSON.parse(body))

/** Parses lines of `holdfast events --json`, or of a command's input. */
export const eventLines = (text: string): CloudEvent[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => cloudEventSchema.parse(JSON.parse(line)))

/** Returns the copy of a source's file in the folder on this computer; null: it is not there. */
export function readCopy(data: string, source: string, file: string): Buffer | null {
  const store = path.join(data, 'store')
  const sender = existsSync(store) ? readdirSync(store).find((name) => !name.startsWith('.')) : undefined
  const copy = path.join(store, sender ?? '', source, file)
  return sender !== undefined && existsSync(copy) ? readFileSync(copy) : null
}

export const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex')

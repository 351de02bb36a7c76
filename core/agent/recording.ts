import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { EVERYTHING, getSubjects } from '../alerts/kinds.ts'
import type { ChangeRow } from '../alerts/store/database.ts'
import { message } from '../lib/i18n/message.ts'
import { englishWords, type Words } from '../lib/i18n/words.ts'
import { getUserName } from '../platform/user-name.ts'
import { differences, type SettingsDifference } from '../settings/changes.ts'
import { defaultSettings, type Settings } from '../settings/schema.ts'
import { type HandlersFor, isRecorded, type WindowCommands } from './contract.ts'
import {
  type Actor,
  type ChangesPage,
  type RecordedChange,
  recordedChangeSchema,
} from './parts/changes/contract.ts'
import type { AppState } from './state/schema.ts'

// Records who changed what: each command that changes something, with the settings that it changed. Secrets are no part
// of the settings.

/** Limit of the settings that one record lists; the others are counted. */
const MOST_DIFFERENCES = 50
/** Limit of the names in a sentence. */
const MOST_NAMES = 20
/** Longest JSON of a value that a record shows; longer if the new value came from another computer. */
const LONGEST_VALUE = 200
const LONGEST_PROPOSED = 2_000

interface RunningCommand {
  by: Actor
  longest: number
  differences: SettingsDifference[]
}

/** The command that runs now. It includes everything that the command waits for. */
const running = new AsyncLocalStorage<RunningCommand>()

/** Returns the name of the person or token whose command runs now. */
export const getActorName = (): string => running.getStore()?.by.name ?? getUserName()

/** Adds a change of the settings to the command that runs now. Other changes are Holdfast's own, and not recorded. */
export function noteSettings(before: Settings, next: Settings): void {
  const command = running.getStore()
  command?.differences.push(...differences(before, next, command.longest))
}

/** The environment in which a command is recorded. */
export interface Recorder {
  by: Actor
  /** Finds the names of what a command is about. */
  known(): Known
  keep(change: RecordedChange): void
}

/** The names of what a command may be about; omitted: there is none. */
export type Known = Partial<Pick<AppState, 'settings' | 'incidents' | 'disks'>> & {
  receiving?: { senders: readonly { fingerprint: string; name: string }[] } | null
}

/** Returns the handlers such that each command that changes something is recorded. */
export function recordCommands<H extends Partial<HandlersFor<keyof WindowCommands>>>(
  handlers: H,
  recorder: Recorder,
): H {
  const all = Object.entries<(input: never) => Promise<unknown>>(handlers as never)
  const recorded = all.map(([name, handle]) => [
    name,
    (input: never) => recordCommand(recorder, name, input, () => handle(input)),
  ])
  return Object.fromEntries(recorded)
}

/** Runs a command, and records it if it succeeds, or fails after a change of the settings. */
export async function recordCommand<T>(
  { by, known, keep }: Recorder,
  command: string,
  input: unknown,
  run: () => Promise<T>,
): Promise<T> {
  if (!isRecorded(command)) return run()
  const given: Record<string, unknown> = Object(input)
  const name = findName(known(), given)
  const changed: SettingsDifference[] = []
  const longest = command === 'acceptProposal' ? LONGEST_PROPOSED : LONGEST_VALUE
  let isDone = false
  try {
    const output = await running.run({ by, longest, differences: changed }, run)
    isDone = true
    return output
  } finally {
    // The sentence names what was added or removed.
    const shown = changed.filter((one) => one.details.length > 0 || one.name !== name)
    const key = command === 'restoreStart' && given.to === null ? 'restoreInPlace' : command
    const isOfAll = (key === 'mute' || key === 'unmute') && given.id === EVERYTHING
    if (isDone || changed.length > 0)
      keep({
        ...{ id: randomUUID(), at: Date.now(), by },
        sentence: message(isOfAll ? `change.${key}All` : `change.${key}`, {
          name,
          to: getText(given.label ?? given.name),
        }),
        differences: shown.slice(0, MOST_DIFFERENCES),
        more: Math.max(0, shown.length - MOST_DIFFERENCES),
      })
  }
}

const getText = (value: unknown): string => (typeof value === 'string' ? value.trim() : '')

/** Returns the name of the folder, destination, channel, computer … that a command is about; empty: none. */
function findName(
  { settings = defaultSettings, incidents = [], disks, receiving }: Known,
  given: Record<string, unknown>,
): string {
  const { sources, checkedPaths, destinations, alerts, webTokens, computers, events } = settings
  const known = [
    ...[...sources, ...destinations, ...alerts.channels, ...webTokens, ...computers, ...events.sinks],
    ...checkedPaths.map(({ id, path: name }) => ({ id, name })),
    ...incidents.map((one) => ({ id: one.id, name: getSubjects(one)[0] ?? '' })),
    ...(disks?.all ?? []),
    ...(receiving?.senders ?? []).map(({ fingerprint: id, name }) => ({ id, name })),
  ]
  const ids = [given.id, given.fingerprint, given.destination, Object(given.channel).id]
  if (Array.isArray(given.fingerprints)) return joinNames(known, given.fingerprints)
  const found = known.find(({ id }) => ids.includes(id))?.name
  const { channel, destination, sink, path, name, address } = given
  const names = [Object(channel).name, Object(destination).name, Object(sink).name, path, name, address]
  return found ?? names.map(getText).find((one) => one !== '') ?? ''
}

/** Joins the names of some ids, at most MOST_NAMES. */
function joinNames(known: readonly { id: string; name: string }[], ids: readonly unknown[]): string {
  const wanted = new Set(ids)
  const names = known.filter(({ id }) => wanted.has(id)).map(({ name }) => name)
  return [...names.slice(0, MOST_NAMES), ...(names.length > MOST_NAMES ? ['…'] : [])].join(', ')
}

/** Returns the row that stores a change. @param words of the language in which people search, besides English. */
export function toRow(change: RecordedChange, words: Words): ChangeRow {
  const { id, at, by, sentence, differences } = change
  const text = [by.name, words(sentence), englishWords(sentence), ...differences.map(({ name }) => name)]
  return { id, at, text: text.join('\n'), facts: JSON.stringify(change) }
}

/** Returns a page of changes from their rows. */
export function toChangesPage({ rows, next }: { rows: readonly string[]; next: number | null }): ChangesPage {
  return { entries: rows.map((facts) => recordedChangeSchema.parse(JSON.parse(facts))), next }
}

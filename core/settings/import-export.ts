import { z } from 'zod'
import { catalog } from '../alerts/channels/catalog.ts'
import { EVERYTHING } from '../alerts/kinds.ts'
import { hasOwnFolder, isDestinationKind } from '../backends/kinds.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { folderName } from '../protocol/names.ts'
import { acceptExpected } from './changes.ts'
import { getEjected, withEjected } from './destinations.ts'
import { checkTopic, type EventSink, withSinks } from './event-sinks.ts'
import { SETTINGS_VERSION, type Settings, type ShownSettings, settingsSchema } from './schema.ts'
import type { Secrets } from './secret-owner.ts'
import { secretOwners, staysAtPlace } from './secrets.ts'
import { firstIssue, parseJson, readVersion } from './settings-store.ts'

// Exports and imports the settings as a file, for backup or for another computer. Pure. Secrets are never included.

/** Settings that an export leaves out: the pause is temporary, the others belong to this computer. */
const NOT_EXPORTED = {
  pause: null,
  web: undefined,
  webTokens: undefined,
  computers: undefined,
  proxy: undefined,
}

/**
 * Exports in the format of the settings file, without `NOT_EXPORTED`, ejected disks and the muting of everything, which are
 * temporary, and without the places that sinks have reached. A destination's folder that is named after this computer is
 * omitted, so that the importing computer uses its own name.
 */
export function exportedText(settings: ShownSettings, ownName: string): string {
  const destinations = settings.destinations.map((one) =>
    'folder' in one && one.folder === folderName(ownName)
      ? { ...one, folder: undefined }
      : { ...one, ejected: undefined },
  )
  const sinks = settings.events.sinks.map((one) => ({ ...one, since: null }))
  const events = { ...settings.events, sinks }
  const { [EVERYTHING]: _, ...muted } = settings.alerts.muted
  const alerts = { ...settings.alerts, muted }
  return `${JSON.stringify({ ...settings, ...NOT_EXPORTED, alerts, destinations, events }, null, 2)}\n`
}

const fileSchema = z.looseObject({ destinations: z.array(z.looseObject({ kind: z.string() })).optional() })

function withOwnFolders(raw: unknown, ownName: string): unknown {
  const { success, data } = fileSchema.safeParse(raw)
  if (!success) return raw
  const folder = folderName(ownName)
  const named = data.destinations?.map((one) =>
    isDestinationKind(one.kind) && hasOwnFolder(one.kind) ? { folder, ...one } : one,
  )
  return { ...data, destinations: named }
}

/**
 * Returns the settings in a file.
 * @param file its name, for error messages.
 * @throws UserError settings.newer, settings.notSettings, settings.notImported; those of acceptExpected
 */
export function importedSettings(text: string, file: string, ownName: string): Settings {
  let raw: unknown
  try {
    raw = parseJson(text)
  } catch (error) {
    throw new UserError('settings.notSettings', { file }, { cause: error })
  }
  // Every setting has a default: without this check any object would be valid, and importing it would remove
  // everything.
  if (readVersion(raw, file) !== SETTINGS_VERSION) throw new UserError('settings.notSettings', { file })
  const parsed = settingsSchema.safeParse(withOwnFolders(raw, ownName))
  if (!parsed.success) throw new UserError('settings.notImported', { file, reason: firstIssue(parsed.error) })
  const sources = parsed.data.sources.map(({ expected, ...one }) => ({
    ...one,
    expected: acceptExpected(expected, expected),
  }))
  return { ...parsed.data, sources }
}

/**
 * Replaces all settings by the imported ones, except for what an export leaves out (exportedText), accepted disks and
 * sinks that run a program.
 * @throws UserError alert.channelInSettings, events.commandInSettings: an imported file must not choose a program to run
 * here; events.mostSinks with this computer's own
 */
export function withImported<S extends ShownSettings>(
  settings: S,
  imported: Settings,
): Omit<Settings, 'webTokens'> & Pick<S, 'webTokens'> {
  const { channels } = settings.alerts
  const isHere = ({ type, options }: (typeof channels)[number]) =>
    channels.some((one) => one.type === type && JSON.stringify(one.options) === JSON.stringify(options))
  const program = imported.alerts.channels.find((one) => !catalog[one.type].isAddable && !isHere(one))
  if (program !== undefined) throw new UserError('alert.channelInSettings', { type: program.type })
  const isOwnCommand = ({ command }: EventSink) =>
    settings.events.sinks.some((one) => JSON.stringify(one.command) === JSON.stringify(command))
  if (imported.events.sinks.some((one) => one.kind === 'command' && !isOwnCommand(one)))
    throw new UserError('events.commandInSettings')
  for (const one of imported.events.sinks)
    if (!settings.events.sinks.some(({ id }) => id === one.id)) checkTopic(one)
  // Only the file of the settings changes a command.
  const own = settings.events.sinks.filter(({ kind }) => kind === 'command')
  const others = imported.events.sinks.filter(
    ({ id, kind }) => kind !== 'command' && !own.some((one) => one.id === id),
  )
  const withOwnPlace = (sink: EventSink): EventSink => ({
    ...sink,
    since: settings.events.sinks.find(({ id }) => id === sink.id)?.since ?? sink.since,
  })
  const { [EVERYTHING]: all } = settings.alerts.muted
  const { [EVERYTHING]: _, ...muted } = imported.alerts.muted
  const alerts = {
    ...imported.alerts,
    muted: { ...muted, ...(all !== undefined && { [EVERYTHING]: all }) },
  }
  return getEjected(settings)
    .filter(({ id }) => imported.destinations.some((one) => one.id === id && one.kind === 'folder'))
    .reduce((next, { id, ejected }) => withEjected(next, id, ejected), {
      ...withSinks(imported, [...own, ...others.map(withOwnPlace)]),
      pause: settings.pause,
      alerts,
      // This computer's own.
      acceptedDisks: settings.acceptedDisks,
      web: settings.web,
      webTokens: settings.webTokens,
      computers: settings.computers,
      proxy: settings.proxy,
    })
}

/**
 * Returns the names of channels, sinks and destinations that need a secret to be entered, or a new pairing.
 * @param unreadable ids of owners with stored secrets that cannot be decrypted here.
 */
export function missingSecrets(
  settings: ShownSettings,
  imported: ShownSettings,
  secrets: Secrets,
  unreadable: readonly string[],
): string[] {
  const known = new Set(settings.destinations.map(({ id }) => id))
  const unpaired = imported.destinations.filter(({ id, kind }) => kind === 'receiver' && !known.has(id))
  const lacking = [...secretOwners(imported).values()].filter((owner) => {
    const { id, fields } = owner
    const isStored = (name: string) => unreadable.includes(id) || secrets[id]?.[name] !== undefined
    return fields.some(({ name, required }) =>
      staysAtPlace(settings, owner) ? required && !isStored(name) : required || isStored(name),
    )
  })
  return [...unpaired, ...lacking].map(({ name }) => name)
}

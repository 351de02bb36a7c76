import {
  constants,
  copyFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import Conf from 'conf'
import type { z } from 'zod'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { freeName } from '../platform/files.ts'
import { errorCode, errorText } from '../platform/system-error.ts'
import { defaultSettings, SETTINGS_VERSION, type Settings, settingsSchema } from './schema.ts'

export interface SettingsStore {
  readonly file: string
  /** Message for the user about opening the file, for example that it was set aside; null: none. */
  readonly notice: Message | null
  get(): Settings
  /**
   * Validates the settings and writes the whole file atomically. Returns the settings now in force.
   * @throws UserError settings.refused, settings.cannotWrite; the settings are then unchanged.
   */
  set(settings: Settings): Settings
  /**
   * Tests writing with a temporary file beside the settings file, which is not changed.
   * @throws UserError settings.cannotWrite
   */
  tryWriting(): void
}

/**
 * Opens the settings file of a data directory.
 * @throws UserError if it is broken and may not or cannot be set aside: writing would then destroy it.
 */
export function openSettings(dataDirectory: string, whenBroken: WhenBroken = 'set-aside'): SettingsStore {
  const file = path.join(dataDirectory, 'settings.json')
  const { settings, notice, isPartlyUsed } = readSettings(file, whenBroken)
  let current = settings
  let isKept = !isPartlyUsed
  // Conf's own schema is not used: the window and the workers validate with the zod schema, too.
  const conf = new Conf<Settings>({
    cwd: dataDirectory,
    configName: 'settings',
    serialize: prettyJson,
    deserialize: (text) => parseJson(text) as Settings,
    configFileMode: 0o600,
  })
  const write = (act: () => void) => {
    try {
      act()
    } catch (error) {
      const reason = errorCode(error) ?? String(error)
      throw new UserError('settings.cannotWrite', { file, reason }, { cause: error })
    }
  }
  return {
    file,
    notice,
    get: () => current,
    set: (next) => {
      const checked = settingsSchema.safeParse(next)
      if (!checked.success) throw new UserError('settings.refused', { reason: firstIssue(checked.error) })
      write(() => {
        if (!isKept) copyFileSync(file, freeName(file, 'kept'), constants.COPYFILE_EXCL)
        isKept = true
        conf.store = checked.data
      })
      current = checked.data
      return current
    },
    tryWriting: () => write(() => writeAndRemove(`${file}.trial`, prettyJson(current))),
  }
}

/** Writes as much text as the settings have: a full disk may still have room for an empty file. */
function writeAndRemove(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: 0o600 })
  } finally {
    rmSync(file, { force: true })
  }
}

function prettyJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/**
 * Handling of a file that is not JSON or violates the schema. set-aside: it is renamed, never deleted, and the defaults
 * are used, or its valid parts; for processes that continue and can report it. refuse: nothing is changed.
 */
export type WhenBroken = 'set-aside' | 'refuse'

interface ReadSettings {
  settings: Settings
  /** Message for the user: the file was set aside, or parts of it are not used. */
  notice: Message | null
  /** True if parts of the file are not used: the next change must keep a copy of it. */
  isPartlyUsed: boolean
}

/** Parses JSON, ignoring a byte order mark, which some editors prepend. @throws SyntaxError */
export const parseJson = (text: string): unknown => JSON.parse(text.replace(/^\uFEFF/, ''))

/**
 * Parts that may fall back to their defaults. The other parts may not: a directory, a limit or a pause must not
 * disappear.
 */
const SPARED: ReadonlySet<string> = new Set(['language', 'theme', 'notifications', 'check', 'scan'])

/**
 * Reads the settings file.
 * @throws UserError settings.newer, or if the file is broken and may not or cannot be set aside: writing would then
 * destroy it.
 */
export function readSettings(file: string, whenBroken: WhenBroken): ReadSettings {
  const text = readText(file)
  if (text === null) return withoutFile(file, whenBroken)
  const parsed = parseSettings(text, file)
  if ('settings' in parsed && parsed.unused === null)
    return { settings: parsed.settings, notice: null, isPartlyUsed: false }
  const { reason } = parsed
  if (whenBroken === 'refuse') throw new UserError('settings.broken', { file, reason })
  if ('settings' in parsed) {
    const notice = message('settings.partlyUsed', { file, parts: parsed.unused, reason })
    return { settings: parsed.settings, notice, isPartlyUsed: true }
  }
  const aside = freeName(file, 'set-aside')
  try {
    renameSync(file, aside)
  } catch (thrown) {
    throw new UserError('settings.cannotSetAside', { file, reason, why: String(thrown) })
  }
  const notice = message('settings.setAside', { file, aside, reason })
  return { settings: defaultSettings, notice, isPartlyUsed: false }
}

export function firstIssue(error: z.ZodError): string {
  const first = error.issues[0]
  return first === undefined ? error.message : `${first.path.join('.')}: ${first.message}`
}

/** Returns the defaults. After a file was set aside, a notice is included until settings are written. */
function withoutFile(file: string, whenBroken: WhenBroken): ReadSettings {
  const aside = unlessMissing(file, () => lastSetAside(file))
  if (aside === null) return { settings: defaultSettings, notice: null, isPartlyUsed: false }
  const notice = message('settings.setAsideBefore', { file, aside })
  if (whenBroken === 'refuse') throw new UserError(notice.key, notice.params)
  return { settings: defaultSettings, notice, isPartlyUsed: false }
}

/** Returns the newest file that was set aside in place of `file`; null: none. @throws the system error. */
export function lastSetAside(file: string): string | null {
  const directory = path.dirname(file)
  const start = `${path.basename(file, '.json')}.set-aside-`
  // The names end with the time.
  const last = readdirSync(directory)
    .filter((name) => name.startsWith(start) && name.endsWith('.json'))
    .sort()
    .at(-1)
  return last === undefined ? null : path.join(directory, last)
}

/** Reads the file; null: it does not exist. */
const readText = (file: string): string | null => unlessMissing(file, () => readFileSync(file, 'utf8'))

/**
 * Reads a file; null: it does not exist.
 * @throws UserError if the disk fails. The file may be intact, so it must not be set aside, nor be treated as missing:
 * the next change would replace it.
 */
function unlessMissing<T>(file: string, read: () => T): T | null {
  try {
    return read()
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return null
    throw new UserError('settings.unreadable', { file, reason: String(thrown) })
  }
}

type Parsed =
  | { settings: Settings; unused: null }
  | { settings: Settings; unused: string; reason: string }
  | Broken
interface Broken {
  reason: string
}

/**
 * Returns the version number in the settings, if any.
 * @throws UserError settings.newer: setting the file aside would withhold it from the newer Holdfast that wrote it.
 */
export function readVersion(raw: unknown, file: string): unknown {
  const version = typeof raw === 'object' && raw !== null && 'version' in raw ? raw.version : undefined
  if (typeof version === 'number' && version > SETTINGS_VERSION)
    throw new UserError('settings.newer', { file, version })
  return version
}

/** Returns the settings and the names of unusable parts, or the reason why the text has no usable settings. */
function parseSettings(text: string, file: string): Parsed {
  let raw: unknown
  try {
    raw = parseJson(text)
  } catch (thrown) {
    return { reason: errorText(thrown) }
  }
  readVersion(raw, file)
  const whole = settingsSchema.safeParse(raw)
  if (whole.success) return { settings: whole.data, unused: null }
  const reason = firstIssue(whole.error)
  const places = whole.error.issues.map((issue) => issue.path)
  if (!places.every(([part]) => SPARED.has(String(part)))) return { reason }
  for (const place of places) removeAt(raw, place)
  const rest = settingsSchema.safeParse(raw)
  return rest.success
    ? { settings: rest.data, unused: places.map((place) => place.join('.')).join(', '), reason }
    : { reason: firstIssue(rest.error) }
}

/** Removes only the invalid value, because its siblings may be valid. */
function removeAt(within: unknown, [key, ...rest]: readonly PropertyKey[]): void {
  if (typeof within !== 'object' || within === null || key === undefined) return
  if (rest.length === 0) Reflect.deleteProperty(within, key)
  else removeAt(Reflect.get(within, key), rest)
}

/** Tolerance for changes of the clock during a pause. */
const CLOCK_SET_MS = 60_000

/**
 * True if a pause has ended. A pause that starts in the future, because the clock was set back, could last
 * indefinitely, so it counts as ended.
 */
function isOver({ since, until }: NonNullable<Settings['pause']>): boolean {
  const now = Date.now()
  return until !== null && (now >= until || now < since - CLOCK_SET_MS)
}

/**
 * Wraps a settings store so that it returns no expired pause, even if the file still has one. A pause thus ends even
 * if the disk refuses writes. The next change removes it from the file.
 */
export function settingsInForce(store: SettingsStore): SettingsStore {
  return {
    ...store,
    get() {
      const settings = store.get()
      return settings.pause !== null && isOver(settings.pause) ? { ...settings, pause: null } : settings
    },
  }
}

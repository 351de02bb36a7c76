import { constants, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import Conf from 'conf'
import type { z } from 'zod'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { freeName, setFileAside } from '../platform/files.ts'
import { errorCode, errorText, toReason } from '../platform/system-error.ts'
import { defaultSettings, SETTINGS_VERSION, type Settings, settingsSchema } from './schema.ts'

// The settings file: opens and writes it, keeps what is valid of a broken one, and ends a pause in time.

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
   * Tests whether settings can be saved, with a temporary file beside the settings file, which is not changed.
   * @param next default: the present ones
   * @throws UserError settings.refused, settings.cannotWrite
   */
  tryWriting(next?: Settings): void
}

/**
 * Handling of a file that is not JSON or violates the schema. set-aside: it is renamed, never deleted, and the defaults
 * are used, or its valid parts; for processes that continue and can report it. refuse: nothing is changed.
 */
export type WhenBroken = 'set-aside' | 'refuse'

/**
 * Parts that may fall back to their defaults. The other parts may not: a directory, a limit or a pause must not
 * disappear.
 */
const SPARED: ReadonlySet<string> = new Set(['language', 'theme', 'notifications', 'check', 'scan', 'report'])

/** Tolerance for changes of the clock during a pause. */
const CLOCK_SET_MS = 60_000

/**
 * Opens the settings file of a data directory.
 * @throws UserError if it is broken and may not or cannot be set aside: writing would then destroy it.
 */
export function openSettings(dataDirectory: string, whenBroken: WhenBroken = 'set-aside'): SettingsStore {
  const file = path.join(dataDirectory, 'settings.json')
  const { settings, notice, isPartlyUsed, raw } = readSettings(file, whenBroken)
  let current = settings
  /** As in the file: with the keys of a newer Holdfast, which every write keeps. */
  let written: unknown = raw
  /** False: parts of the file are not used, so the next change must keep a copy of it. */
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
  const check = (next: Settings): Settings => {
    const checked = settingsSchema.safeParse(next)
    if (!checked.success) throw new UserError('settings.refused', { reason: firstIssue(checked.error) })
    return checked.data
  }
  return {
    file,
    notice,
    get: () => current,
    set: (next) => {
      const checked = check(next)
      write(() => {
        if (!isKept) copyFileSync(file, freeName(file, 'kept'), constants.COPYFILE_EXCL)
        isKept = true
        const whole = withUnknown(written, current, checked)
        conf.store = whole as Settings
        written = whole
      })
      current = checked
      return current
    },
    tryWriting: (next = current) => {
      const checked = check(next)
      write(() => writeAndRemove(`${file}.trial`, prettyJson(checked)))
    },
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

/**
 * Reads the settings file. isPartlyUsed: parts of it are invalid and not used.
 * @throws UserError settings.newer, or if the file is broken and may not or cannot be set aside: writing would then
 * destroy it.
 */
function readSettings(file: string, whenBroken: WhenBroken) {
  const text = unlessMissing(file, () => readFileSync(file, 'utf8'))
  if (text === null)
    return { settings: defaultSettings, notice: findNotice(file, whenBroken), isPartlyUsed: false, raw: null }
  const parsed = parseSettings(text, file)
  const { raw } = parsed
  if (parsed.reason === null) return { settings: parsed.settings, notice: null, isPartlyUsed: false, raw }
  const { settings, unused, reason } = parsed
  if (whenBroken === 'refuse') throw new UserError('settings.broken', { file, reason })
  if (settings !== null) {
    const notice = message('settings.partlyUsed', { file, parts: unused, reason })
    return { settings, notice, isPartlyUsed: true, raw }
  }
  try {
    const aside = setFileAside(file)
    const notice = message('settings.setAside', { file, aside, reason })
    return { settings: defaultSettings, notice, isPartlyUsed: false, raw: null }
  } catch (error) {
    throw new UserError('settings.cannotSetAside', { file, reason, why: String(error) })
  }
}

/** Returns the notice that an earlier file was set aside and no settings were written since; null: none was. */
function findNotice(file: string, whenBroken: WhenBroken): Message | null {
  const aside = unlessMissing(file, () => lastSetAside(file))
  if (aside === null) return null
  const notice = message('settings.setAsideBefore', { file, aside })
  if (whenBroken === 'refuse') throw new UserError(notice.key, notice.params)
  return notice
}

/**
 * Parses the settings.
 * @returns the reason why they are not used whole; settings: null if none are usable; unused: the invalid parts
 */
function parseSettings(text: string, file: string) {
  let raw: unknown
  try {
    raw = parseJson(text)
  } catch (error) {
    return { settings: null, unused: '', reason: errorText(error), raw: null }
  }
  readVersion(raw, file)
  const whole = settingsSchema.safeParse(raw)
  if (whole.success) return { settings: whole.data, unused: '', reason: null, raw }
  const reason = firstIssue(whole.error)
  const places = whole.error.issues.map((issue) => issue.path)
  if (!places.every(([part]) => SPARED.has(String(part)))) return { settings: null, unused: '', reason, raw }
  for (const place of places) removeAt(raw, place)
  const rest = settingsSchema.safeParse(raw)
  return rest.success
    ? { settings: rest.data, unused: places.map((place) => place.join('.')).join(', '), reason, raw }
    : { settings: null, unused: '', reason: firstIssue(rest.error), raw }
}

/**
 * Returns `next` with the keys that the schema does not have: a newer Holdfast wrote them, and needs them again. Entries
 * of a list are recognised by their ids, others by their whole values.
 * @param raw as in the file
 * @param parsed the same by the schema
 */
function withUnknown(raw: unknown, parsed: unknown, next: unknown): unknown {
  if (Array.isArray(raw) && Array.isArray(parsed) && Array.isArray(next)) {
    const before = new Map(parsed.map((one, index) => [identify(one), { one, raw: raw[index] }]))
    return next.map((one) => {
      const was = before.get(identify(one))
      return was === undefined ? one : withUnknown(was.raw, was.one, one)
    })
  }
  if (!isObject(raw) || !isObject(parsed) || !isObject(next)) return next
  const unknown = Object.entries(raw).filter(([key]) => !(key in parsed) && !(key in next))
  const known = Object.entries(next).map(([key, value]) => [key, withUnknown(raw[key], parsed[key], value)])
  return Object.fromEntries([...known, ...unknown])
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const identify = (one: unknown): string =>
  isObject(one) && typeof one.id === 'string' ? `id ${one.id}` : JSON.stringify(one)

/** Removes only the invalid value, because its siblings may be valid. */
function removeAt(within: unknown, [key, ...rest]: readonly PropertyKey[]): void {
  if (typeof within !== 'object' || within === null || key === undefined) return
  if (rest.length === 0) Reflect.deleteProperty(within, key)
  else removeAt(Reflect.get(within, key), rest)
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

/**
 * True if a pause has ended. A pause that starts in the future, because the clock was set back, could last
 * indefinitely, so it counts as ended.
 */
function isOver({ since, until }: NonNullable<Settings['pause']>): boolean {
  const now = Date.now()
  return until !== null && (now >= until || now < since - CLOCK_SET_MS)
}

// Helpers of this file and of the other files of a data directory.

/** Parses JSON, ignoring a byte order mark, which some editors prepend. @throws SyntaxError */
export const parseJson = (text: string): unknown => JSON.parse(text.replace(/^\uFEFF/, ''))

function prettyJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

export function firstIssue(error: z.ZodError): string {
  const first = error.issues[0]
  if (first === undefined) return error.message
  return first.path.length === 0 ? first.message : `${first.path.join('.')}: ${first.message}`
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

/**
 * Reads a file; null: it does not exist.
 * @throws UserError if the disk fails. The file may be intact, so it must not be set aside, nor be treated as missing:
 * the next change would replace it.
 */
function unlessMissing<T>(file: string, read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw new UserError('settings.unreadable', { file, reason: toReason(error) }, { cause: error })
  }
}

import { readdirSync, readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import type { z } from 'zod'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { freeName } from '../platform/move-to-free.ts'
import { errorCode, errorText } from '../platform/system-error.ts'
import { defaultSettings, SETTINGS_VERSION, type Settings, settingsSchema } from './schema.ts'

/**
 * What becomes of a file that is not JSON or breaks the schema. set-aside: it is renamed, never erased, and the
 * defaults are used, or all of it that can be; for what runs on and can tell of it. refuse: nothing is touched.
 */
export type WhenBroken = 'set-aside' | 'refuse'

export interface ReadSettings {
  settings: Settings
  /** What a person should know of the file: that it was set aside, or that some of it is not used. */
  notice: Message | null
  /** The file holds something that the settings do not: the next change must not erase it. */
  isPartlyUsed: boolean
}

/** Text as JSON; a byte order mark, which some editors put first, is no part of it. @throws SyntaxError */
export const parseJson = (text: string): unknown => JSON.parse(text.replace(/^\uFEFF/, ''))

/** Parts that nothing is lost without, as their defaults do: a directory, a limit or a pause must not vanish. */
const SPARED: ReadonlySet<string> = new Set(['language', 'theme', 'notifications', 'check', 'scan'])

/**
 * @throws UserError settings.newer, or if the file is broken and is not to be set aside, or cannot be: writing would then
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

/** The defaults, at first, or while nobody has set anything since a file was set aside: that is told until then. */
function withoutFile(file: string, whenBroken: WhenBroken): ReadSettings {
  const aside = unlessMissing(file, () => lastSetAside(file))
  if (aside === null) return { settings: defaultSettings, notice: null, isPartlyUsed: false }
  const notice = message('settings.setAsideBefore', { file, aside })
  if (whenBroken === 'refuse') throw new UserError(notice.key, notice.params)
  return { settings: defaultSettings, notice, isPartlyUsed: false }
}

/** The newest file that was set aside in place of `file`; null: none was. @throws what the system says */
export function lastSetAside(file: string): string | null {
  const directory = path.dirname(file)
  const start = `${path.basename(file, '.json')}.set-aside-`
  // Their names end with the time.
  const last = readdirSync(directory)
    .filter((name) => name.startsWith(start) && name.endsWith('.json'))
    .sort()
    .at(-1)
  return last === undefined ? null : path.join(directory, last)
}

/** null: there is none. */
const readText = (file: string): string | null => unlessMissing(file, () => readFileSync(file, 'utf8'))

/**
 * null: nothing is there.
 * @throws UserError if the disk does not give it: the file may be well, so it is no reason to set it aside, and none to
 * begin without it, as the next change would then take its place.
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
 * The version that settings say of themselves, if any.
 * @throws UserError settings.newer: set aside it would be lost to the Holdfast that has written it.
 */
export function versionOf(raw: unknown, file: string): unknown {
  const version = typeof raw === 'object' && raw !== null && 'version' in raw ? raw.version : undefined
  if (typeof version === 'number' && version > SETTINGS_VERSION)
    throw new UserError('settings.newer', { file, version })
  return version
}

/** The settings, maybe without the names of parts that cannot be used, or why the text holds none. */
function parseSettings(text: string, file: string): Parsed {
  let raw: unknown
  try {
    raw = parseJson(text)
  } catch (thrown) {
    return { reason: errorText(thrown) }
  }
  versionOf(raw, file)
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

/** Only the value itself: what is beside it may be well. */
function removeAt(within: unknown, [key, ...rest]: readonly PropertyKey[]): void {
  if (typeof within !== 'object' || within === null || key === undefined) return
  if (rest.length === 0) Reflect.deleteProperty(within, key)
  else removeAt(Reflect.get(within, key), rest)
}

import { existsSync, readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import Conf from 'conf'
import type { z } from 'zod'
import type { Message } from '../words/message.ts'
import { message } from '../words/message.ts'
import { errorCode, Problem } from '../words/problem.ts'
import { migrateSettings } from './migrate.ts'
import { type Settings, settingsSchema } from './schema.ts'

export interface SettingsStore {
  readonly file: string
  /** Why an earlier settings file was set aside when this one was opened; null if none was. */
  readonly setAside: Message | null
  get(): Settings
  /** Validates and writes the whole file atomically, then returns what is in force. */
  set(settings: Settings): Settings
}

/**
 * What becomes of a file that is not JSON or breaks the schema. set-aside: it is renamed, never erased, and the
 * defaults are used; for what runs on and can tell of it. refuse: nothing is touched.
 */
export type WhenBroken = 'set-aside' | 'refuse'

/**
 * Opens the settings file of a data directory.
 * @throws Problem if it is broken and is not to be set aside, or cannot be: writing would then destroy it.
 */
export function openSettings(dataDirectory: string, whenBroken: WhenBroken = 'set-aside'): SettingsStore {
  const file = path.join(dataDirectory, 'settings.json')
  const { settings, setAside } = readSettings(file, whenBroken)
  let current = settings
  // Not Conf's own schema: zod's is the one that the window and the workers are checked with, too.
  const conf = new Conf<Settings>({
    cwd: dataDirectory,
    configName: 'settings',
    serialize: prettyJson,
    configFileMode: 0o600,
  })
  return {
    file,
    setAside,
    get: () => current,
    set: (next) => {
      const checked = settingsSchema.parse(next)
      conf.store = checked
      current = checked
      return current
    },
  }
}

function readSettings(
  file: string,
  whenBroken: WhenBroken,
): { settings: Settings; setAside: Message | null } {
  const text = readText(file)
  if (text === null) return { settings: settingsSchema.parse({}), setAside: null }
  const parsed = parseSettings(text)
  if (typeof parsed !== 'string') return { settings: parsed, setAside: null }
  const reason = parsed
  if (whenBroken === 'refuse') throw new Problem('settings.broken', { file, reason })
  const aside = asideName(file)
  try {
    renameSync(file, aside)
  } catch (thrown) {
    throw new Problem('settings.cannotSetAside', { file, reason, why: String(thrown) })
  }
  return {
    settings: settingsSchema.parse({}),
    setAside: message('settings.setAside', { file, aside, reason }),
  }
}

/**
 * null: there is none.
 * @throws Problem if the disk does not give the file: it may be well, so it is no reason to set it aside, and none to
 * begin without it, as the next change would then take its place.
 */
function readText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    if (errorCode(thrown) === 'ENOENT') return null
    throw new Problem('settings.unreadable', { file, reason: String(thrown) })
  }
}

/** The settings, or why the text holds none. */
function parseSettings(text: string): Settings | string {
  try {
    const parsed = settingsSchema.safeParse(migrateSettings(JSON.parse(text)))
    return parsed.success ? parsed.data : firstIssue(parsed.error)
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown)
  }
}

/** A name beside the file that nothing has yet: an earlier set-aside file must not be overwritten either. */
function asideName(file: string): string {
  const stamp = new Date().toISOString().replace(/[:.]/g, '-')
  for (let count = 0; ; count += 1) {
    const name = file.replace(/\.json$/, `.set-aside-${stamp}${count === 0 ? '' : `-${count}`}.json`)
    if (!existsSync(name)) return name
  }
}

function firstIssue(error: z.ZodError): string {
  const first = error.issues[0]
  return first === undefined ? error.message : `${first.path.join('.')}: ${first.message}`
}

function prettyJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

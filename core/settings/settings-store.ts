import { constants, copyFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import Conf from 'conf'
import type { Message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { freeName } from '../platform/move-to-free.ts'
import { errorCode } from '../platform/system-error.ts'
import { firstIssue, parseJson, readSettings, type WhenBroken } from './read.ts'
import { type Settings, settingsSchema } from './schema.ts'

export interface SettingsStore {
  readonly file: string
  /** What a person should know of the file as it was opened: it was set aside, say; null: nothing. */
  readonly notice: Message | null
  get(): Settings
  /**
   * Validates and writes the whole file atomically, then returns what is in force.
   * @throws UserError settings.refused, settings.cannotWrite; nothing is changed then.
   */
  set(settings: Settings): Settings
  /**
   * Writes a file beside the settings and removes it again; the settings file stays as it is.
   * @throws UserError settings.cannotWrite
   */
  tryWriting(): void
}

/**
 * Opens the settings file of a data directory.
 * @throws UserError if it is broken and is not to be set aside, or cannot be: writing would then destroy it.
 */
export function openSettings(dataDirectory: string, whenBroken: WhenBroken = 'set-aside'): SettingsStore {
  const file = path.join(dataDirectory, 'settings.json')
  const { settings, notice, isPartlyUsed } = readSettings(file, whenBroken)
  let current = settings
  let isKept = !isPartlyUsed
  // Not Conf's own schema: zod's is the one that the window and the workers are checked with, too.
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

/** Of the length of the settings: a full disk may still have room for a name. */
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

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

import { z } from 'zod'
import { differenceSchema } from '../settings/differences.ts'
import { settingsSchema } from '../settings/schema.ts'
import { act, nothing } from './answer.ts'

/** Commands that only a desktop can do; the window has them besides `commands`. */
export const desktopCommands = {
  /** Opens the system's directory dialog and adds what was chosen as a source, if anything was. */
  chooseSource: act(nothing),
  /** The same for a path that is only checked. */
  chooseCheckedPath: act(nothing),
  /** Opens the system's dialog for a directory, or for a file; null: cancelled. */
  choosePath: {
    input: z.object({ what: z.enum(['directory', 'file']) }),
    output: z.object({ path: z.string().nullable() }),
  },
  /** Opens the system's dialog for a new file and writes an encryption key into it, if one was chosen. */
  saveKey: act(z.object({ identity: z.string().max(200) })),
  /** Opens the system's dialog for a new file and writes the settings into it, without secrets; null: cancelled. */
  exportSettings: { input: nothing, output: z.object({ path: z.string().nullable() }) },
  /**
   * Opens the system's dialog for a file with settings, and says what importing them would change: `importSettings` does
   * it. null: cancelled.
   */
  readSettings: {
    input: nothing,
    output: z
      .object({
        file: z.string(),
        settings: settingsSchema,
        differences: z.array(differenceSchema),
        /** Names of channels and destinations whose secrets are to be entered, or that are to be paired, again. */
        missing: z.array(z.string()),
      })
      .nullable(),
  },
  /** Whether Holdfast starts when this user logs in. */
  loginStart: { input: nothing, output: z.object({ on: z.boolean() }) },
  setLoginStart: act(z.object({ on: z.boolean() })),
  /** What the clipboard holds, if it is a receiver's pairing code; of anything else the window learns nothing. */
  copiedCode: { input: nothing, output: z.object({ code: z.string().nullable() }) },
  /** A directory of its own in the person's home that restored files can come to; it is not made. */
  restoreDirectory: { input: nothing, output: z.object({ path: z.string() }) },
  /** Asks where to, and writes the diagnostics file there; null: cancelled. */
  saveDiagnostics: { input: nothing, output: z.object({ path: z.string().nullable() }) },
  /** Shows what the last restore brought back in the file manager. */
  showRestored: act(nothing),
  /** Shows a source's directory, or the folder of the copies on this computer (null), in the file manager. */
  showDirectory: act(z.object({ source: z.string().nullable() })),
  /**
   * The page that the window shows; null: it is not looked at. What the Alerts page shows needs no notification.
   * hasForm: something may be half typed, so the page stays also in a window that is hidden for long.
   */
  showing: act(z.object({ page: z.string().max(40).nullable(), hasForm: z.boolean() })),
  hideWindow: act(nothing),
  quit: act(nothing),
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>

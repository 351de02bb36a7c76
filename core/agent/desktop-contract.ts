import { z } from 'zod'
import { differenceSchema } from '../settings/differences.ts'
import { settingsSchema } from '../settings/schema.ts'
import { defineAction, nothing } from './answer.ts'

/** Commands that only the desktop offers; the window has them in addition to `commands`. */
export const desktopCommands = {
  /** Opens the system's directory dialog and adds the chosen directory as a source. */
  chooseSource: defineAction(nothing),
  /** Does the same for a path that is only checked. */
  chooseCheckedPath: defineAction(nothing),
  /** Opens the system's dialog for a directory, or for a file; null: cancelled. */
  choosePath: {
    input: z.object({ what: z.enum(['directory', 'file']) }),
    output: z.object({ path: z.string().nullable() }),
  },
  /** Opens the system's dialog for a new file and writes an encryption key to it if a file was chosen. */
  saveKey: defineAction(z.object({ identity: z.string().max(200) })),
  /** Opens the system's dialog for a new file and writes the settings to it, without secrets; null: cancelled. */
  exportSettings: { input: nothing, output: z.object({ path: z.string().nullable() }) },
  /**
   * Opens the system's dialog for a settings file and returns what importing it would change. `importSettings`
   * imports it. null: cancelled.
   */
  readSettings: {
    input: nothing,
    output: z
      .object({
        file: z.string(),
        settings: settingsSchema,
        differences: z.array(differenceSchema),
        /** Names of channels and destinations that need their secrets entered, or their pairing done, again. */
        missing: z.array(z.string()),
      })
      .nullable(),
  },
  /** Returns true if Holdfast starts when this user logs in. */
  loginStart: { input: nothing, output: z.object({ on: z.boolean() }) },
  setLoginStart: defineAction(z.object({ on: z.boolean() })),
  /** Returns the clipboard's text if it is a receiver's pairing code; the window gets no other clipboard content. */
  copiedCode: { input: nothing, output: z.object({ code: z.string().nullable() }) },
  /** Returns a directory in the user's home for restored files. The directory is not created. */
  restoreDirectory: { input: nothing, output: z.object({ path: z.string() }) },
  /** Opens the system's dialog for a new file and writes the diagnostics file there; null: cancelled. */
  saveDiagnostics: { input: nothing, output: z.object({ path: z.string().nullable() }) },
  /** Shows the files of the last restore in the file manager. */
  showRestored: defineAction(nothing),
  /** Shows a source's directory, or the folder of the copies on this computer (null), in the file manager. */
  showDirectory: defineAction(z.object({ source: z.string().nullable() })),
  /**
   * Reports the page that the window shows; null: the window is not visible. Incidents shown on the Alerts page need
   * no notification. hasForm: a form may be half filled, so the page is kept even if the window stays hidden for
   * long.
   */
  showing: defineAction(z.object({ page: z.string().max(40).nullable(), hasForm: z.boolean() })),
  hideWindow: defineAction(nothing),
  quit: defineAction(nothing),
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType }>

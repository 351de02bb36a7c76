import { z } from 'zod'
import { defineAction, defineTrial, nothing } from './answering.ts'
import { destinationId, idInput, locationFields } from './inputs.ts'
import { madeSchema, manifestFields } from './parts/manifests/contract.ts'
import { restoreStartSchema } from './parts/restore/contract.ts'
import { readSettingsSchema } from './parts/settings/contract.ts'

/** Commands that only the desktop offers; the window has them in addition to `commands`. */
export const desktopCommands = {
  /** Opens the system's directory dialog and adds each chosen directory as a source. */
  chooseSource: defineTrial({ input: nothing, output: nothing }),
  /** Does the same for a path that is only checked. */
  chooseCheckedPath: defineTrial({ input: nothing, output: nothing }),
  /** Opens the system's dialog for a directory, or for a file; null: cancelled. */
  choosePath: defineTrial({
    input: z.object({ what: z.enum(['directory', 'file']) }),
    output: z.object({ path: z.string().nullable() }),
  }),
  /** Opens the system's dialog for a new file and writes an encryption key to it if a file was chosen. */
  saveKey: defineTrial({ input: z.object({ identity: z.string().max(200) }), output: nothing }),
  /** Opens the system's dialog for a new file and writes the settings to it, without secrets; null: cancelled. */
  exportSettings: defineTrial({ input: nothing, output: z.object({ path: z.string().nullable() }) }),
  /**
   * Opens the system's dialog for a settings file and returns what importing it would change. `importSettings`
   * imports it. null: cancelled.
   */
  readSettings: defineTrial({ input: nothing, output: readSettingsSchema.nullable() }),
  /** Returns true if Holdfast starts when this user logs in. */
  loginStart: defineTrial({ input: nothing, output: z.object({ on: z.boolean() }) }),
  setLoginStart: defineAction(z.object({ on: z.boolean() })),
  /** Returns the clipboard's text if it is a receiver's pairing code; the window gets no other clipboard content. */
  copiedCode: defineTrial({ input: nothing, output: z.object({ code: z.string().nullable() }) }),
  /** Opens the system's dialog for a new file and writes the report of a period there; null: cancelled. */
  saveReport: defineTrial({
    input: z.object({ period: z.string().max(30), format: z.enum(['csv', 'html', 'pdf']) }),
    output: z.object({ path: z.string().nullable() }),
  }),
  /**
   * Opens the system's dialog for a new file, or for a directory (bagit, ro-crate), and writes a manifest there; null:
   * cancelled.
   */
  saveManifest: defineTrial({
    input: manifestFields,
    output: madeSchema.extend({ path: z.string().nullable() }).nullable(),
  }),
  /**
   * Opens the system's dialog for a manifest, and compares a source's files at a destination with it, in the background:
   * see `comparison` of the state. Only one runs at a time.
   */
  compareList: defineTrial({
    input: z.object({
      /** The source. */
      id: z.string(),
      destination: destinationId,
      identity: restoreStartSchema.shape.identity,
    }),
    output: nothing,
  }),
  stopComparing: defineTrial({ input: nothing, output: nothing }),
  /** Opens the system's dialog for a new file and writes the diagnostics file there; null: cancelled. */
  saveDiagnostics: defineTrial({ input: nothing, output: z.object({ path: z.string().nullable() }) }),
  /** Shows the files of the last restore in the file manager. */
  showRestored: defineTrial({ input: nothing, output: nothing }),
  /** Opens a stored content in its program, from a read-only temporary file; as openFile does. */
  viewStored: defineTrial({
    input: z.object({
      ...locationFields,
      folder: z.string().min(1).max(1000),
      path: z.string().min(1).max(16_384),
      /** An older version; null: the current one. */
      version: z.string().max(1000).nullable(),
    }),
    output: nothing,
  }),
  /**
   * Opens a file of a source in its program, or shows it in the file manager. Only plain data and documents are opened:
   * all others are shown, because they may be programs or contain scripts.
   */
  openFile: defineTrial({
    input: z.object({
      source: z.string(),
      /** Relative to the source, with "/". */
      path: z.string().min(1).max(16_384),
      inFolder: z.boolean(),
    }),
    output: nothing,
  }),
  /** Opens a window with the web page of a watched computer, signed in. */
  openComputer: defineTrial({ input: idInput, output: nothing }),
  /** Shows a source's directory, or the folder of the copies on this computer (null), in the file manager. */
  showDirectory: defineTrial({ input: z.object({ source: z.string().nullable() }), output: nothing }),
  /**
   * Reports the page that the window shows; null: the window is not visible. Incidents shown on the Alerts page need
   * no notification. hasForm: a form may be half filled, so the page is kept even if the window stays hidden for
   * long.
   */
  showing: defineTrial({
    input: z.object({ page: z.string().max(40).nullable(), hasForm: z.boolean() }),
    output: nothing,
  }),
  hideWindow: defineTrial({ input: nothing, output: nothing }),
  quit: defineTrial({ input: nothing, output: nothing }),
} as const

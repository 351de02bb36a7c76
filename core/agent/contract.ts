import { z } from 'zod'
import { type CommandUse, defineQuery, type HandlersOf, nothing } from './answering.ts'
import { desktopCommands } from './desktop-contract.ts'
import { alertsContract } from './parts/alerts/contract.ts'
import { changesContract } from './parts/changes/contract.ts'
import { checksContract } from './parts/checks/contract.ts'
import { computersContract } from './parts/computers/contract.ts'
import { destinationsContract } from './parts/destinations/contract.ts'
import { diagnosticsContract } from './parts/diagnostics/contract.ts'
import { disksContract } from './parts/disks/contract.ts'
import { eventsContract } from './parts/events/contract.ts'
import { expectedContract } from './parts/expected/contract.ts'
import { healingContract } from './parts/healing/contract.ts'
import { manifestsContract } from './parts/manifests/contract.ts'
import { noticesContract } from './parts/notices/contract.ts'
import { pauseContract } from './parts/pause/contract.ts'
import { proposalsContract } from './parts/proposals/contract.ts'
import { receivingContract } from './parts/receiving/contract.ts'
import { reportContract } from './parts/report/contract.ts'
import { restoreContract } from './parts/restore/contract.ts'
import { settingsContract } from './parts/settings/contract.ts'
import { sourcesContract } from './parts/sources/contract.ts'
import { webContract } from './parts/web/contract.ts'
import { statePatchSchema, stateSnapshotSchema } from './state/schema.ts'

// The interface between the agent and its views: every command with the schemas of its input and output, and every
// event. The window imports only types from here; the command line and the hosts validate with these schemas, too. Each part
// has its own commands.

/**
 * Every command that a view may send to the agent: the window over Electron's IPC, the command line over
 * the control socket, the page in a browser over HTTP. Both directions are validated with these schemas.
 */
export const commands = {
  snapshot: defineQuery({ input: nothing, output: stateSnapshotSchema }),
  ...sourcesContract,
  ...checksContract,
  ...expectedContract,
  ...disksContract,
  ...pauseContract,
  ...destinationsContract,
  ...healingContract,
  ...receivingContract,
  ...proposalsContract,
  ...webContract,
  ...computersContract,
  ...settingsContract,
  ...restoreContract,
  ...alertsContract,
  ...changesContract,
  ...diagnosticsContract,
  ...noticesContract,
  ...eventsContract,
  ...reportContract,
  ...manifestsContract,
} as const satisfies Record<string, { input: z.ZodType; output: z.ZodType; use: CommandUse }>

/** Events that the agent sends to its views. */
export const events = {
  patch: statePatchSchema,
  /** A page's connection was interrupted, so patches may be missing: the view requests a snapshot. */
  stale: z.object({}),
  /** Asks the window to show the choice of pause durations. */
  askPause: z.object({}),
  /** Asks the window to show one of its pages. */
  show: z.object({
    page: z.enum(['overview', 'transfers', 'destinations', 'alerts', 'settings']),
    incident: z.string().nullable().optional(),
    /** A pairing code from a link. The window fills its form with it, and the person decides. */
    code: z.string().max(2000).optional(),
  }),
} as const satisfies Record<string, z.ZodType>

export type Commands = typeof commands
export type DesktopCommands = typeof desktopCommands
export type WindowCommands = Commands & DesktopCommands
export type CommandInput<C extends keyof WindowCommands> = z.infer<WindowCommands[C]['input']>
export type CommandOutput<C extends keyof WindowCommands> = z.infer<WindowCommands[C]['output']>
/** The handlers of some commands. */
export type HandlersFor<C extends keyof WindowCommands> = HandlersOf<Pick<WindowCommands, C>>

/** A command that changes something. */
export type RecordedCommand = {
  [Name in keyof WindowCommands]: WindowCommands[Name]['use'] extends 'change' ? Name : never
}[keyof WindowCommands]
const allCommands: Readonly<Record<string, { use: CommandUse }>> = { ...commands, ...desktopCommands }
/** True for a command that a viewer of the web page may send. */
export const isQuery = (command: string): boolean => allCommands[command]?.use === 'query'
export const isRecorded = (command: string): command is RecordedCommand =>
  allCommands[command]?.use === 'change'

export type CommandHandlers = HandlersFor<keyof Commands>
export type Events = { [E in keyof typeof events]: z.infer<(typeof events)[E]> }

/** The renderer's only connection to the agent: `window.holdfast` of the preload script, or the web page's own. */
export interface Bridge {
  /** page: in a browser, which may be on another computer. */
  readonly kind: 'window' | 'page'
  /** Rejects with the agent's own Message if there is one, because only the text of an Error reaches the page. */
  call<C extends keyof WindowCommands>(command: C, input: CommandInput<C>): Promise<CommandOutput<C>>
  /** Returns the function that ends the subscription. */
  on<E extends keyof Events>(event: E, listener: (payload: Events[E]) => void): () => void
  /** The absolute path of a file or folder that was dropped on the window. */
  pathOfDropped(file: File): string
}

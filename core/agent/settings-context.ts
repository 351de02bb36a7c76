import type { PathFacts } from '../check/inspect.ts'
import type { RequestInput, RequestOutput } from '../lib/workers/definition.ts'
import type { Examined, scannerDefinition } from '../scan/scanner-messages.ts'
import type { senderDefinition } from '../send/sender-messages.ts'
import type { DataLayout } from '../settings/data-directory.ts'
import type { FolderDestination } from '../settings/destination-schema.ts'
import type { Settings } from '../settings/schema.ts'
import type { EnteredSecrets, SecretStore } from '../settings/secrets.ts'
import type { SettingsStore } from '../settings/settings-store.ts'
import { runAction } from './answering.ts'
import type { CommandOutput } from './contract.ts'
import type { ProposalStore } from './parts/proposals/proposals.ts'

type Asked<N extends 'test' | 'pair'> = (
  input: RequestInput<typeof senderDefinition, N>,
) => Promise<RequestOutput<typeof senderDefinition, N>>

/** The services of the agent for the commands that change settings. */
export interface SettingsContext {
  settings: Pick<SettingsStore, 'get' | 'tryWriting'>
  secrets: SecretStore
  layout: DataLayout
  computerName: string
  /** Settings that receivers propose. */
  proposals: Pick<ProposalStore, 'list' | 'getWaiting' | 'decide' | 'saved'>
  /** Saves new settings and secrets, and applies them (saveSettings). */
  change(update: (settings: Settings) => Settings, entered?: EnteredSecrets): void
  /** Reads the facts of a path whose disk may hang. */
  inspect(path: string): Promise<PathFacts>
  /** Looks at a path of a source. */
  examine(input: RequestInput<typeof scannerDefinition, 'examine'>): Promise<Examined>
  /** Tests a destination. */
  test: Asked<'test'>
  /** Pairs with a receiver by a one-time code. */
  pair: Asked<'pair'>
  /** Returns the remembered mount point of a destination's disk; null: unknown. */
  knownPoint(destination: string): string | null
  /** True if a restore reads from a folder or writes to its disk. */
  isRestoring(folder: FolderDestination): boolean
  /** Closes everything in a folder that is no longer used; false: its disk does not answer. */
  release(folder: FolderDestination): Promise<boolean>
  /** Creates a link to the web page. */
  createLink(): Promise<CommandOutput<'createPageLink'>>
  /** Restarts the sender of a destination, by its id, because its circumstances have changed. */
  restart(destination: string): void
}

/** Returns a function that runs a command which only changes the settings. */
export const setterFor =
  (context: Pick<SettingsContext, 'change'>) => (update: (settings: Settings) => Settings) =>
    runAction(() => context.change(update))

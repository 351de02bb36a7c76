import type { PathFacts } from '../../check/inspect.ts'
import type { InputOf, OutputOf } from '../../lib/workers/definition.ts'
import type { senderDefinition } from '../../send/sender-messages.ts'
import type { DataLayout } from '../../settings/data-directory.ts'
import type { Settings } from '../../settings/schema.ts'
import type { SecretStore } from '../../settings/secrets.ts'
import type { SettingsStore } from '../../settings/settings-store.ts'

type Asked<N extends 'test' | 'pair'> = (
  input: InputOf<typeof senderDefinition, N>,
) => Promise<OutputOf<typeof senderDefinition, N>>

/** What settings are changed with: a running agent's, or, where none runs, the command line's. */
export interface SettingsContext {
  settings: Pick<SettingsStore, 'get' | 'tryWriting'>
  secrets: SecretStore
  layout: DataLayout
  computerName: string
  /** Writes new settings and makes them work. */
  change(update: (settings: Settings) => Settings): void
  /** Looks at a path whose disk may hang. */
  inspect(path: string): Promise<PathFacts>
  /** Tries a destination. */
  test: Asked<'test'>
  /** Pairs with a receiver, by a code that works once. */
  pair: Asked<'pair'>
  /** The circumstances of a destination, by its id, are others. */
  restart(destination: string): void
}

import type { CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import type { AppState } from '../../core/agent/state/schema.ts'

/** A file in transfer. */
export type Transfer = AppState['transfers'][number]

/** A row of the ledger. */
export type LedgerFile = CommandOutput<'files'>['files'][number]

/** A file's place in the ledger. */
export type FileState = NonNullable<CommandInput<'files'>['state']>

import type { Shown } from '../alerts/notifier-messages.ts'
import type { Language } from '../lib/i18n/words.ts'
import type { Seal } from '../settings/secrets.ts'
import type { AppState } from './state/schema.ts'
import type { WorkerStarter } from './workers/starter.ts'

/** Keeps secrets for whoever has logged in. What it seals it alone can open. */
export interface Vault extends Seal {
  /** keyring: by the desktop's; weak: without a password of its own (basic_text). */
  storage: 'keyring' | 'weak'
}

/** What the agent needs of whoever hosts it: the desktop, the command line, or a test. */
export interface AgentHost {
  kind: AppState['host']
  version: string
  /** What "system" means in the language setting. */
  systemLanguage: Language
  computerName: string
  starter: WorkerStarter
  /** null: secrets are kept in a file that this user alone may read. */
  vault(): Vault | null
  /** Whether this computer runs on its battery, where the kernel tells it in no file; left out: it cannot say. */
  onBattery?(): boolean
  /** Shows a notification natively; must return at once. */
  notify(shown: Shown): void
  /** Takes back what is still shown about this: it is no longer true. */
  withdraw(about: string): void
}

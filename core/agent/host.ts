import type { Shown } from '../alerts/notifier-messages.ts'
import type { Language } from '../lib/i18n/words.ts'
import type { Seal } from '../settings/secrets.ts'
import type { AppState } from './state/schema.ts'
import type { WorkerStarter } from './workers/starter.ts'

/** Encrypts secrets for the logged-in user. Only this vault can decrypt them. */
export interface Vault extends Seal {
  /** keyring: protected by the desktop's keyring; weak: not protected by a password (basic_text). */
  storage: 'keyring' | 'weak'
}

/** The host's services for the agent. The host is the desktop, the command line, or a test. */
export interface AgentHost {
  kind: AppState['host']
  version: string
  /** The language that the setting "system" stands for. */
  systemLanguage: Language
  computerName: string
  starter: WorkerStarter
  /** null: secrets are kept in a file that only this user can read. */
  vault(): Vault | null
  /** True if this computer runs on battery. Used on systems without a kernel file for it; omitted: unknown. */
  onBattery?(): boolean
  /** Shows a notification natively; must return at once. */
  notify(shown: Shown): void
  /** Removes notifications about this subject that are no longer true. */
  withdraw(about: string): void
}

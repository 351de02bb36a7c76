import type { Language } from '../words/words.ts'
import type { AppState } from './state/schema.ts'
import type { WorkerStarter } from './workers/starter.ts'

/** A notification in words, ready to be shown. */
export interface Notification {
  /** The incident that it is about. */
  incident: string
  title: string
  body: string
  urgent: boolean
}

/** What the agent needs of whoever hosts it: the desktop, the command line, or a test. */
export interface AgentHost {
  kind: AppState['host']
  version: string
  /** What "system" means in the language setting. */
  systemLanguage: Language
  computerName: string
  starter: WorkerStarter
  /** Shows a notification natively; must return at once. */
  notify(notification: Notification): void
  /** Takes back what is still shown of an incident: it is no longer true. */
  withdraw(incident: string): void
}

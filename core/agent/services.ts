import type { Shown } from '../alerts/render.ts'
import type { checkerDefinition } from '../check/checker-messages.ts'
import type { Language } from '../lib/i18n/words.ts'
import type { ProxyRoute } from '../lib/network/proxy.ts'
import type { receiverDefinition } from '../receive/receiver-messages.ts'
import type { scannerDefinition } from '../scan/scanner-messages.ts'
import type { DataLayout } from '../settings/data-directory.ts'
import type { Settings } from '../settings/schema.ts'
import type { EnteredSecrets, Seal, SecretStore } from '../settings/secrets.ts'
import type { SettingsStore } from '../settings/settings-store.ts'
import type { Log } from './log.ts'
import type { Actor } from './parts/changes/contract.ts'
import type { Notices } from './parts/notices/notices.ts'
import type { Recorder } from './recording.ts'
import type { AppState } from './state/schema.ts'
import type { StateStore } from './state/state-store.ts'
import type { WorkerStarter } from './workers/starter.ts'
import type { SupervisedWorker } from './workers/supervisor.ts'

// The services that the agent gets from its host, and those that its parts get from it. A part names those that it uses.

/** Encrypts secrets for the logged-in user. Only this vault can decrypt them. */
export interface Vault extends Seal {
  /** keyring: protected by the desktop's keyring; weak: not protected by a password (basic_text). */
  storage: 'keyring' | 'weak'
}

/** The host's services for the agent. The host is the desktop, the command line, or a test. */
export interface AgentHost {
  /** once: sends once, with its own settings; command: answers a command while no other agent runs. */
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
  /** Script of the thread that stores alerts; null: they are not stored. */
  alertStoreThread: URL | null
  /** Script of the thread that reads events; null: there are none. */
  eventThread: URL | null
  /** Script of the threads that build reports and manifests; null: this host makes none. */
  reportThread: URL | null
  /** Returns the directory of the built page; null: this installation has none at present. */
  page(): string | null
  /** Shows a notification natively; must return at once. */
  notify(shown: Shown): void
  /** Removes notifications about this subject that are no longer true. */
  withdraw(about: string): void
}

/** True for an agent that soon ends: it notifies nobody, and sets no broken file aside, as it could not report that. */
export const isBrief = ({ kind }: Pick<AgentHost, 'kind'>): boolean => kind === 'once' || kind === 'command'

/** A part works over time. The agent calls those of the methods that it has, in the order of its list of parts. */
export interface Part {
  /** Applies the settings: at the start, and after each change. */
  apply?(): void
  /** Called every second. */
  tick?(now: number): void
  /** Ends its work; resolves within some seconds, even if a process hangs. */
  end?(): void | Promise<void>
  /** Closes what it writes to; resolves to false if that failed. A hung disk may block it. */
  close?(): Promise<boolean> | Promise<void>
}

/** The services of the agent for its parts. */
export interface AgentServices {
  readonly layout: DataLayout
  readonly settings: SettingsStore
  readonly host: AgentHost
  readonly log: Log['write']
  readonly store: StateStore
  readonly notices: Notices
  readonly secrets: SecretStore
  readonly language: Language
  readonly checker: SupervisedWorker<typeof checkerDefinition>
  readonly scanner: SupervisedWorker<typeof scannerDefinition>
  readonly receiver: SupervisedWorker<typeof receiverDefinition>
  /** Saves new settings and secrets, and applies them everywhere (saveSettings). */
  change(update: (settings: Settings) => Settings, entered?: EnteredSecrets): void
  /** Returns what records the commands of a person. */
  createRecorder(by: Actor): Recorder
  /** Returns the proxy in force; null: none. */
  proxy(): ProxyRoute | null
  /** Returns the settings with only the sources that may run. */
  permittedSettings(): Settings
}

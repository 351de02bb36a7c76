import { basename, dirname, join, resolve } from 'node:path'
import { UserError } from '../../../lib/i18n/user-error.ts'
import type { WorkerConfig, WorkerReport } from '../../../lib/workers/definition.ts'
import type { receiverDefinition } from '../../../receive/receiver-messages.ts'
import type { DataLayout } from '../../../settings/data-directory.ts'
import { type ReceiveSettings, receiveSettingsSchema, type Settings } from '../../../settings/schema.ts'
import { DEFAULT_RULES, type Quota, type StoreRules } from '../../../store/quota/admission.ts'
import { parseFloor } from '../../../store/quota/quota-options.ts'
import { isWithin } from '../../accept-path.ts'
import type { SettingsContext } from '../../settings-context.ts'
import type { ReceivingState } from '../../state/schema.ts'
import type { GivenReceive } from './contract.ts'

type Definition = typeof receiverDefinition

export function receiverConfig(
  { keep }: Pick<Settings, 'keep'>,
  receive: ReceiveSettings,
  { setUpStores }: DataLayout,
  computerName: string,
): WorkerConfig<Definition> {
  const { directory: storeDirectory, host, port, isocketHost, isocketPort } = receive
  const isocket = isocketPort === null ? null : { host: isocketHost, port: isocketPort }
  return {
    storeDirectory,
    setUpStores,
    name: computerName,
    host,
    port,
    isocket,
    rules: buildRules(keep, receive),
  }
}

function buildRules(
  keep: Settings['keep'],
  { keepFree, lockDays, quotaBytes, quotaBytesOf, quotaFiles, quotaFilesOf }: ReceiveSettings,
): StoreRules {
  const bytes = new Map(Object.entries(quotaBytesOf))
  const files = new Map(Object.entries(quotaFilesOf))
  const limited = [...bytes.keys(), ...files.keys()].map((folder) => {
    const quota: Partial<Quota> = { bytes: bytes.get(folder) ?? null, files: files.get(folder) ?? null }
    return [folder, quota] as const
  })
  return {
    keep,
    lockDays: lockDays ?? 0,
    floor: keepFree === null ? DEFAULT_RULES.floor : parseFloor(keepFree),
    quota: { each: { bytes: quotaBytes, files: quotaFiles }, of: Object.fromEntries(limited) },
  }
}

/** Returns the state of the receiver before its first report. */
export function receivingState(
  { receive }: Pick<Settings, 'receive'>,
  now: number,
  before: ReceivingState | null = null,
): ReceivingState | null {
  if (receive === null) return null
  const { directory, port } = receive
  if (before?.directory === directory && before.port === port) return before
  const store = { problems: [], failures: 0 }
  return { directory, port, isRunning: false, problem: null, store, since: now, senders: [] }
}

/** Adds a report. A receiver that cannot run keeps its list of senders. Pure. */
export function withReceived(
  before: ReceivingState,
  report: WorkerReport<Definition>,
  now: number,
): ReceivingState {
  const isRunning = !('problem' in report)
  const since = isRunning === before.isRunning ? before.since : now
  if (!isRunning) return { ...before, isRunning, since, problem: report.problem }
  const { store, senders } = report
  return { ...before, isRunning, since, problem: null, store, senders }
}

/**
 * Starts, changes or stops (null) receiving in the settings. Omitted fields stay.
 * @throws UserError refuse.receiveInSource
 */
export async function setReceiving(context: SettingsContext, given: GivenReceive | null): Promise<void> {
  const before = context.settings.get().receive
  // A directory in use stays unchanged, even while its disk hangs.
  const directory =
    given === null || given.directory === before?.directory
      ? given?.directory
      : await realDirectory(context, resolve(given.directory))
  context.change((settings) => {
    if (given === null) return { ...settings, receive: null }
    const receive = receiveSettingsSchema.parse({ ...settings.receive, ...given, directory })
    refuseReceiving(settings, receive)
    return { ...settings, receive }
  })
}

/** Returns the real path of a directory that may not exist yet. */
async function realDirectory(context: SettingsContext, directory: string): Promise<string> {
  const { real } = await context.inspect(directory)
  const parent = dirname(directory)
  if (real !== null || parent === directory) return real ?? directory
  return join(await realDirectory(context, parent), basename(directory))
}

/**
 * Checks that files received from others would not be sent on as this computer's own.
 * @throws UserError refuse.receiveInSource
 */
export function refuseReceiving(
  { sources }: Pick<Settings, 'sources'>,
  receive: Pick<ReceiveSettings, 'directory'>,
): void {
  const directory = resolve(receive.directory)
  const source = sources.find(({ path }) => isWithin(directory, path) || isWithin(path, directory))
  if (source !== undefined)
    throw new UserError('refuse.receiveInSource', { path: receive.directory, name: source.name })
}

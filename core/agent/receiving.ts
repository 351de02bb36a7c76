import { basename, dirname, join, resolve } from 'node:path'
import { UserError } from '../lib/i18n/user-error.ts'
import type { ConfigOf, ReportOf } from '../lib/workers/definition.ts'
import type { receiverDefinition } from '../receive/receiver-messages.ts'
import type { DataLayout } from '../settings/data-directory.ts'
import type { ReceiveSettings, Settings } from '../settings/schema.ts'
import type { Agent } from './agent.ts'
import { done } from './answering.ts'
import type { CommandHandlers } from './contract.ts'
import { isWithin } from './settings/accept-path.ts'
import type { SettingsContext } from './settings/context.ts'
import type { ReceivingState } from './state/schema.ts'

type Definition = typeof receiverDefinition

/** Everybody in the network may knock; only who is paired is let in. */
const ALL_ADDRESSES = '0.0.0.0'

export function receiverConfig(
  { keep }: Pick<Settings, 'keep'>,
  { directory, port, quotaBytes }: ReceiveSettings,
  { setUpStores }: DataLayout,
  computerName: string,
): ConfigOf<Definition> {
  const own = { storeDirectory: directory, setUpStores, name: computerName }
  return { ...own, host: ALL_ADDRESSES, port, quotaBytes, keep }
}

/** What is known of it before it has said anything. */
export function receivingState(
  { receive }: Pick<Settings, 'receive'>,
  now: number,
  before: ReceivingState | null = null,
): ReceivingState | null {
  if (receive === null) return null
  const { directory, port } = receive
  if (before?.directory === directory && before.port === port) return before
  return { directory, port, isRunning: false, problem: null, since: now, senders: [] }
}

/** Pure. A receiver that cannot run has the senders that it had. */
export function withReceived(
  before: ReceivingState,
  report: ReportOf<Definition>,
  now: number,
): ReceivingState {
  const isRunning = !('problem' in report)
  const since = isRunning === before.isRunning ? before.since : now
  if (!isRunning) return { ...before, isRunning, since, problem: report.problem }
  return { ...before, isRunning, since, problem: null, senders: report.senders }
}

/**
 * What others send must not be sent on as this computer's own.
 * @throws UserError refuse.receiveInSource
 */
export function refuseReceiving({ sources }: Pick<Settings, 'sources'>, receive: ReceiveSettings): void {
  const directory = resolve(receive.directory)
  const source = sources.find(({ path }) => isWithin(directory, path) || isWithin(path, directory))
  if (source !== undefined)
    throw new UserError('refuse.receiveInSource', { path: receive.directory, name: source.name })
}

/** Where a directory is, its links resolved, that may still have to be made. */
async function realDirectory(context: SettingsContext, directory: string): Promise<string> {
  const { real } = await context.inspect(directory)
  const parent = dirname(directory)
  if (real !== null || parent === directory) return real ?? directory
  return join(await realDirectory(context, parent), basename(directory))
}

async function placed(context: SettingsContext, receive: ReceiveSettings): Promise<ReceiveSettings> {
  // What is in use stays as it is, also while its disk hangs.
  if (context.settings.get().receive?.directory === receive.directory) return receive
  return { ...receive, directory: await realDirectory(context, resolve(receive.directory)) }
}

/** @throws UserError refuse.receiveInSource */
export async function setReceiving(context: SettingsContext, given: ReceiveSettings | null): Promise<void> {
  const receive = given === null ? null : await placed(context, given)
  context.change((settings) => {
    if (receive !== null) refuseReceiving(settings, receive)
    return { ...settings, receive }
  })
}

/** What a view may do with those that send here. */
export function senderCommands({ receiver }: Agent) {
  return {
    inviteSender: (input) => receiver.request('invite', input),
    renameSender: (input) => done(() => receiver.request('renameSender', input)),
    revokeSender: (input) => done(() => receiver.request('revokeSender', input)),
  } satisfies Partial<CommandHandlers>
}

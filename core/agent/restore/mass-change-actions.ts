import { UserError } from '../../lib/i18n/user-error.ts'
import type { MarkedAnswer } from '../../scan/scanner-messages.ts'
import { getSourceDestinations } from '../../settings/destinations.ts'
import type { Agent } from '../agent.ts'

type Parts = Pick<Agent, 'store' | 'scanner' | 'senders' | 'restores'>

/** Returns a held source: many of its files have lost their content, so none of them are sent. */
function heldSource({ store }: Parts, id: string) {
  const source = store.state.sources.find(({ settings }) => settings.id === id)
  if (source?.scanned?.held == null) throw new UserError('restore.notHeld')
  return source
}

/**
 * Sends a held source in its current state.
 * @throws UserError restore.notHeld
 */
export async function sendAsItIs(parts: Parts, id: string): Promise<void> {
  heldSource(parts, id)
  await parts.scanner.request('release', { source: id })
  parts.senders.nudge()
}

/**
 * Decides about the files of a source that carry isocket's mark.
 * @throws UserError restore.notHeld
 */
export async function answerMarked(parts: Parts, id: string, answer: MarkedAnswer): Promise<void> {
  const source = parts.store.state.sources.find(({ settings }) => settings.id === id)
  if (source?.scanned?.marked == null) throw new UserError('restore.notHeld')
  await parts.scanner.request('answerMarked', { source: id, answer })
  parts.senders.nudge()
}

/**
 * Restores the sent versions of a held source's files. Sending resumes once they are restored.
 * @throws UserError restore.notHeld, restore.nowhere, or the reason why the restore cannot start
 */
export async function bringBack(parts: Parts, id: string): Promise<void> {
  const { settings } = heldSource(parts, id)
  const { destinations, settings: all } = parts.store.state
  const { paths } = await parts.scanner.request('lost', { source: id })
  const wanted = new Set(getSourceDestinations(all.destinations, settings).map((one) => one.id))
  const mine = destinations.filter((one) => wanted.size === 0 || wanted.has(one.id))
  const from = mine.find(({ connection }) => connection.state === 'connected') ?? mine[0]
  if (from === undefined) throw new UserError('restore.nowhere', { name: settings.name })
  const { folders } = await parts.restores.ask('folders', { destination: from.id }, {})
  const folder = folders.find(({ source }) => source === id)?.name
  if (folder === undefined) throw new UserError('restore.nowhere', { name: settings.name })
  const newest = { path: null, version: null, at: null }
  const what = { destination: from.id, folder, ...newest, to: settings.path, only: paths }
  await parts.restores.start(what, true)
}

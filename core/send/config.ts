import type { Route } from '../ledger/background-jobs.ts'
import type { WorkerConfig } from '../lib/workers/definition.ts'
import { folderName } from '../protocol/names.ts'
import type { senderDefinition } from './sender-messages.ts'

export type Config = WorkerConfig<typeof senderDefinition>

/** Returns the sources with their folder names made valid, as receivers get them. */
export const getSources = ({ sources }: Config) =>
  sources.map((source) => ({ ...source, name: folderName(source.name) }))

/** The ids of all sources of the settings. */
export const getKnownSourceIds = (config: Config): string[] =>
  config.known ?? config.sources.map(({ id }) => id)

/** The sources that are new to the destination `to`, or share it with others than before. */
export function newWays(before: Config | null, next: Config, to: string): Route[] {
  const getOthersKey = ({ alsoTo = [] }: Config['sources'][number]) => JSON.stringify(alsoTo)
  const known = new Map(before?.sources.map((one) => [one.id, getOthersKey(one)]))
  return next.sources
    .filter((one) => known.get(one.id) !== getOthersKey(one))
    .map(({ id, alsoTo = [], groupWriteMark }) => ({ source: id, to, others: alsoTo, marks: groupWriteMark }))
}

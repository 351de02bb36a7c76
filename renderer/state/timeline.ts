import type { Bridge, CommandInput, CommandOutput } from '../../core/agent/contract.ts'
import { useBridge } from './bridge.tsx'
import { readPages, type ShownPages, usePages } from './pages.ts'

export type TimelineFilter = Pick<CommandInput<'timeline'>, 'severity' | 'source' | 'text'>
export type TimelineEntry = CommandOutput<'timeline'>['entries'][number]

/** Minimum interval between two requests while events keep occurring, in milliseconds. */
const refreshMs = 2000

const askFor =
  (bridge: Pick<Bridge, 'call'>, filter: TimelineFilter) =>
  (before: CommandInput<'timeline'>['before'], most: number) =>
    bridge.call('timeline', { ...filter, kinds: null, lasts: null, before, most })

/** Loads the newest `wanted` matching entries. */
export const readTimeline = (bridge: Pick<Bridge, 'call'>, filter: TimelineFilter, wanted: number) =>
  readPages(askFor(bridge, filter), wanted)

/** Returns past and ongoing incidents. `version` changes with each event: they are then loaded again. */
export function useTimeline(filter: TimelineFilter, version: string): ShownPages<TimelineEntry> {
  const bridge = useBridge()
  return usePages(JSON.stringify(filter), { version, refreshMs }, askFor(bridge, filter))
}

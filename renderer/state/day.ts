import type { CommandOutput } from '../../core/agent/contract.ts'
import { useAnswer } from './answer.ts'
import { useBridge } from './bridge.tsx'

const REFRESH_MS = 60_000

type Day = CommandOutput<'day'>

/**
 * Returns the last 24 hours of each source as text, so that an unchanged day renders no row again: two letters an hour,
 * the health (- o s f) and the files sent (0 to 3). null: not known yet. One request a minute for all sources.
 * @param isWanted false: there is no source.
 */
export const useDays = (isWanted: boolean) => useDay(encodeDays, isWanted)

/** As `useDays`, of the files received, by the folder of the sender. There is no health. */
export const useReceivedDays = () => useDay(encodeReceived, true)

function useDay(
  encode: (day: Day) => ReadonlyMap<string, string>,
  isWanted: boolean,
): ReadonlyMap<string, string> | null {
  const bridge = useBridge()
  const { value } = useAnswer({
    question: isWanted ? 'day' : null,
    everyMs: REFRESH_MS,
    ask: async () => encode(await bridge.call('day', {})),
  })
  return value
}

export const encodeReceived = ({ received }: Day): ReadonlyMap<string, string> =>
  new Map(Object.entries(received).map(([folder, files]) => [folder, encodeDay([], files)]))

export function encodeDays({ verdicts, sent }: Day): ReadonlyMap<string, string> {
  const ids = new Set([...Object.keys(verdicts), ...Object.keys(sent)])
  return new Map([...ids].map((id) => [id, encodeDay(verdicts[id] ?? [], sent[id] ?? [])]))
}

function encodeDay(verdicts: NonNullable<Day['verdicts'][string]>, sent: readonly number[]): string {
  const most = Math.max(1, ...sent)
  return Array.from({ length: Math.max(verdicts.length, sent.length) }, (_, hour) => {
    const kind = verdicts[hour] ?? null
    const health = kind === null ? '-' : kind === 'ok' ? 'o' : kind === 'slow' ? 's' : 'f'
    return `${health}${Math.ceil((3 * (sent[hour] ?? 0)) / most)}`
  }).join('')
}

import { type Message, message } from '../../../lib/i18n/message.ts'
import { condition, type FoundCondition, shortened, unknown, well } from '../../state/condition.ts'
import type { AppState, SourceState } from '../../state/schema.ts'

/** Returns the conditions of the expected files. */
export const expectedConditions = (state: AppState, now: number): FoundCondition[] =>
  state.sources.flatMap((one) => sourceConditions(one, now))

/**
 * Reports that the last files of a rule for expected files have not come in time. Each rule has its own incident, whose
 * end states which of its files are still missing.
 */
function sourceConditions({ settings, scanned }: SourceState, now: number): FoundCondition[] {
  const { id, name, expected, paused } = settings
  return expected.flatMap(({ pattern, minimumBytes: least }): FoundCondition[] => {
    const state = scanned?.expected?.find((one) => one.pattern === pattern)
    const [newestFile] = state?.newest ?? []
    // Without a date in the pattern, no file is known.
    const isNamed = newestFile !== undefined && newestFile.path !== pattern
    const subject = {
      id: `expected:${id}:${pattern}`,
      name: isNamed ? `${name}/${shortened(newestFile.path)}` : name,
      source: id,
    }
    // While it is paused, nothing is judged.
    if (state === undefined || paused) return unknown(subject)
    const { missing, failing, since, newest, came } = state
    const [last] = newest
    const shown = { name, pattern, least, came: shortened(came ?? '') }
    if (failing === 0 || last === undefined) {
      // Its gaps are of an earlier period or time zone: as with a removed rule, their incident ends, but nothing came.
      if (came === null) return missing > 0 ? [] : well(subject, now)
      const end =
        missing === 0 ? message('condition.came', shown) : describeGap('cameGaps', shown, missing, newest)
      return well(subject, now).map((one) => ({ ...one, end }))
    }
    const key = last.tooSmall === null ? 'lacks' : 'expectedSmall'
    const sentence = describeGap(key, shown, failing, newest)
    const headline = { sentence: message('status.expected', { name }), detail: sentence }
    return condition(subject, 'expected', since ?? now, sentence, 0, headline)
  })
}

type MissingFile = NonNullable<NonNullable<SourceState['scanned']>['expected']>[number]['newest'][number]

/** Names the last missing files, the newest first. Without a date in their pattern, only their number is known. */
function describeGap(
  key: 'lacks' | 'expectedSmall' | 'cameGaps',
  shown: { name: string; pattern: string; least: number; came: string },
  count: number,
  newest: readonly MissingFile[],
): Message {
  const [last] = newest
  // A gap of a rule without a date has only the pattern as its name: it counts among the others.
  const named = newest.slice(0, count).filter(({ path }) => path !== shown.pattern)
  const files = named.map(({ path }) => shortened(path))
  const more = count - files.length
  const params = {
    ...{ ...shown, pattern: shortened(shown.pattern), count, files: files.join(', ') },
    ...{ file: files[0] ?? shortened(shown.pattern) },
    ...{ due: last?.due ?? 0, size: last?.tooSmall ?? 0, more },
  }
  if (last?.path === shown.pattern)
    return message(`condition.${key === 'cameGaps' ? 'cameGapsAny' : 'lacksAny'}`, params)
  return message(more > 0 && key !== 'expectedSmall' ? `condition.${key}Many` : `condition.${key}`, params)
}

import type { SourceState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { type Amount, byteUnits, readAmount, toAmount } from '../filters/draft.ts'

export type Rule = SourceState['settings']['expected'][number]

/** A rule for expected files as edited in its form. */
export interface RuleDraft {
  pattern: string
  everyMinutes: number
  within: string
  least: Amount
  /** '' is the time zone of the agent's computer. */
  zone: string
}

/** Periods offered as choices, in minutes. */
export const PERIODS = [5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1_440]

/**
 * Returns the time zones that the form offers. A browser lists one name of each zone, and a rule may have another one,
 * such as Asia/Kolkata for Asia/Calcutta.
 */
export const listZones = (ownZone: string): string[] => [
  'UTC',
  ...[...new Set([...Intl.supportedValuesOf('timeZone'), ownZone])]
    .filter((zone) => zone !== 'UTC' && zone !== '')
    .sort(),
]

/** The limit of core/settings/schema.ts; the agent checks it too. */
const LONGEST_WITHIN = 43_200

export const newRule: Rule = {
  pattern: '*',
  everyMinutes: 60,
  withinMinutes: 10,
  minimumBytes: 0,
  zone: null,
}

export const toRuleDraft = ({
  pattern,
  everyMinutes,
  withinMinutes,
  minimumBytes,
  zone,
}: Rule): RuleDraft => ({
  pattern,
  everyMinutes,
  within: String(withinMinutes),
  least: toAmount(minimumBytes === 0 ? null : minimumBytes, byteUnits),
  zone: zone ?? '',
})

/** Converts the draft to a rule, or returns its problems. */
export function readRule({ pattern, everyMinutes, within, least, zone }: RuleDraft) {
  const problems: Partial<Record<'pattern' | 'within' | 'least', WordKey>> = {}
  if (pattern.trim() === '') problems.pattern = 'window.channel.missing'
  const withinMinutes = Number(within)
  const isWithin = within.trim() !== '' && Number.isInteger(withinMinutes)
  if (!(isWithin && withinMinutes >= 0 && withinMinutes <= LONGEST_WITHIN))
    problems.within = 'window.expected.badWithin'
  const bytes = readAmount(least, Number.MAX_SAFE_INTEGER)
  if (bytes === 'wrong') problems.least = 'window.filters.wrongSize'
  const rule: Rule = {
    ...{
      pattern: pattern.trim(),
      everyMinutes,
      withinMinutes,
      minimumBytes: bytes === 'wrong' ? 0 : (bytes ?? 0),
    },
    zone: zone === '' ? null : zone,
  }
  return { rule: Object.keys(problems).length === 0 ? rule : null, problems }
}

import { z } from 'zod'
import { parseSeconds, parseSize } from '../../lib/i18n/formats.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { findNameFault } from '../../protocol/names.ts'
import { DEFAULT_RULES, type Floor, type Quota, type StoreRules } from './admission.ts'

const words = z.string().max(300)
const DAY_SECONDS = 86_400

/** Retention and quota options, as text of the command line or of the configuration file. */
export const ruleWordsSchema = z.object({
  /** How long all older versions are kept after they were replaced: "30d". */
  keepWithin: words,
  /** For how many days, weeks, months and years the last version of each is kept after that. */
  keepDaily: words,
  keepWeekly: words,
  keepMonthly: words,
  keepYearly: words,
  /** How long no content is removed after it was replaced, whatever the other times are: "90d"; null: no lock. */
  lock: words.nullable(),
  /** Free space on the disk: "10G" or "5%"; null: 1G, on small disks 1%. */
  keepFree: words.nullable(),
  /** Limits of senders in bytes, older versions included: "500G" for each, "PC=1T" for one. */
  quota: z.array(words).max(1000),
  /** Limits of senders in files. */
  quotaFiles: z.array(words).max(1000),
})
export type RuleWords = z.infer<typeof ruleWordsSchema>

export const defaultRuleWords: RuleWords = {
  keepWithin: `${DEFAULT_RULES.keep.withinDays}d`,
  keepDaily: String(DEFAULT_RULES.keep.daily),
  keepWeekly: String(DEFAULT_RULES.keep.weekly),
  keepMonthly: String(DEFAULT_RULES.keep.monthly),
  keepYearly: String(DEFAULT_RULES.keep.yearly),
  lock: null,
  keepFree: null,
  quota: [],
  quotaFiles: [],
}

function parseBytes(text: string): number {
  const bytes = parseSize(text)
  if (bytes === null) throw new UserError('transfer.sizeInvalid', { text })
  return bytes
}

function parseCount(text: string, option: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UserError('transfer.countInvalid', { text, option })
  return Number(text)
}

function parseDays(text: string, option: string): number {
  const seconds = parseSeconds(text)
  if (seconds === null) throw new UserError('transfer.timeInvalid', { text, option })
  return seconds / DAY_SECONDS
}

/** @throws UserError transfer.floorInvalid */
export function parseFloor(text: string): Floor {
  const percent = /^(\d{1,2}(?:\.\d+)?)%$/.exec(text)?.[1]
  if (percent !== undefined) return { bytes: Number.MAX_SAFE_INTEGER, percent: Number(percent) }
  const bytes = parseSize(text)
  if (bytes === null) throw new UserError('transfer.floorInvalid', { text })
  return { bytes, percent: 100 }
}

/** Splits "PC=1T" at the last "=": a sender's name may contain "=", a size does not. */
export function splitSender(text: string): { folder: string | null; amount: string } {
  const at = text.lastIndexOf('=')
  return at === -1
    ? { folder: null, amount: text }
    : { folder: text.slice(0, at), amount: text.slice(at + 1) }
}

/** Parses the options. @throws UserError that names the invalid value */
export function parseRules(options: RuleWords): StoreRules {
  const quota = { each: { ...DEFAULT_RULES.quota.each }, of: new Map<string, Partial<Quota>>() }
  const put = (text: string, name: keyof Quota, parse: (text: string) => number) => {
    const { folder, amount } = splitSender(text)
    if (folder !== null && (folder.includes('/') || findNameFault(folder) !== null))
      throw new UserError('transfer.quotaSender', { text })
    // If the amount is empty, the error shows the whole text.
    const value = parse(amount === '' ? `"${text}"` : amount)
    if (folder === null) quota.each[name] = value
    else quota.of.set(folder, { ...quota.of.get(folder), [name]: value })
  }
  for (const text of options.quota) put(text, 'bytes', parseBytes)
  for (const text of options.quotaFiles) put(text, 'files', (one) => parseCount(one, '--quota-files'))
  const { keepWithin, keepDaily, keepWeekly, keepMonthly, keepYearly, keepFree, lock } = options
  return {
    keep: {
      withinDays: parseDays(keepWithin, '--keep-within'),
      daily: parseCount(keepDaily, '--keep-daily'),
      weekly: parseCount(keepWeekly, '--keep-weekly'),
      monthly: parseCount(keepMonthly, '--keep-monthly'),
      yearly: parseCount(keepYearly, '--keep-yearly'),
    },
    lockDays: lock === null ? 0 : parseDays(lock, '--lock'),
    floor: keepFree === null ? DEFAULT_RULES.floor : parseFloor(keepFree),
    quota: { each: quota.each, of: Object.fromEntries(quota.of) },
  }
}

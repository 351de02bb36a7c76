import { z } from 'zod'
import { parseSeconds, parseSize } from '../../lib/i18n/amounts.ts'
import { UserError } from '../../lib/i18n/user-error.ts'
import { nameFault } from '../../protocol/names.ts'
import { DEFAULT_RULES, type Floor, type Quota, type StoreRules } from './rules.ts'

const words = z.string().max(300)
const DAY_SECONDS = 86_400

/** What a receiver keeps, in the words of its command line and of its configuration file. */
export const ruleWordsSchema = z.object({
  /** Older contents are all kept for so long after they were replaced: "30d". */
  keepWithin: words,
  /** Then the last one of each of the latest so many days, weeks, months and years. */
  keepDaily: words,
  keepWeekly: words,
  keepMonthly: words,
  keepYearly: words,
  /** What stays free on the disk: "10G" or "5%"; null: 1G, on small disks 1%. */
  keepFree: words.nullable(),
  /** What a sender may store, versions included: "500G" for each, "PC=1T" for one. */
  quota: z.array(words).max(1000),
  /** The same in files. */
  quotaFiles: z.array(words).max(1000),
})
export type RuleWords = z.infer<typeof ruleWordsSchema>

export const defaultRuleWords: RuleWords = {
  keepWithin: `${DEFAULT_RULES.keep.withinDays}d`,
  keepDaily: String(DEFAULT_RULES.keep.daily),
  keepWeekly: String(DEFAULT_RULES.keep.weekly),
  keepMonthly: String(DEFAULT_RULES.keep.monthly),
  keepYearly: String(DEFAULT_RULES.keep.yearly),
  keepFree: null,
  quota: [],
  quotaFiles: [],
}

function sizeOf(text: string): number {
  const bytes = parseSize(text)
  if (bytes === null) throw new UserError('transfer.sizeInvalid', { text })
  return bytes
}

function countOf(text: string, option: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UserError('transfer.countInvalid', { text, option })
  return Number(text)
}

function daysOf(text: string, option: string): number {
  const seconds = parseSeconds(text)
  if (seconds === null) throw new UserError('transfer.timeInvalid', { text, option })
  return seconds / DAY_SECONDS
}

function floorOf(text: string): Floor {
  const percent = /^(\d{1,2}(?:\.\d+)?)%$/.exec(text)?.[1]
  if (percent !== undefined) return { bytes: Number.POSITIVE_INFINITY, percent: Number(percent) }
  const bytes = parseSize(text)
  if (bytes === null) throw new UserError('transfer.floorInvalid', { text })
  return { bytes, percent: 100 }
}

/** "PC=1T" is for one sender; a sender's name may contain "=", a size does not. */
function splitSender(text: string): { folder: string | null; amount: string } {
  const at = text.lastIndexOf('=')
  return at === -1
    ? { folder: null, amount: text }
    : { folder: text.slice(0, at), amount: text.slice(at + 1) }
}

/** @throws UserError naming the option's value that cannot be used. */
export function rulesOf(options: RuleWords): StoreRules {
  const quota = { each: { ...DEFAULT_RULES.quota.each }, of: new Map<string, Partial<Quota>>() }
  const put = (text: string, name: keyof Quota, parse: (text: string) => number) => {
    const { folder, amount } = splitSender(text)
    if (folder !== null && (folder.includes('/') || nameFault(folder) !== null))
      throw new UserError('transfer.quotaSender', { text })
    // Of nothing the whole is shown.
    const value = parse(amount === '' ? `"${text}"` : amount)
    if (folder === null) quota.each[name] = value
    else quota.of.set(folder, { ...quota.of.get(folder), [name]: value })
  }
  for (const text of options.quota) put(text, 'bytes', sizeOf)
  for (const text of options.quotaFiles) put(text, 'files', (one) => countOf(one, '--quota-files'))
  const { keepWithin, keepDaily, keepWeekly, keepMonthly, keepYearly, keepFree } = options
  return {
    keep: {
      withinDays: daysOf(keepWithin, '--keep-within'),
      daily: countOf(keepDaily, '--keep-daily'),
      weekly: countOf(keepWeekly, '--keep-weekly'),
      monthly: countOf(keepMonthly, '--keep-monthly'),
      yearly: countOf(keepYearly, '--keep-yearly'),
    },
    floor: keepFree === null ? DEFAULT_RULES.floor : floorOf(keepFree),
    quota: { each: quota.each, of: Object.fromEntries(quota.of) },
  }
}

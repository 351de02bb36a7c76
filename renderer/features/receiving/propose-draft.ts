import type { WordKey } from '../../../core/lib/i18n/message.ts'
import { parseRate } from '../settings/limit-form.ts'
import { getNumberSchema, parseNumber } from '../settings/limits.ts'

/** The settings to propose as typed; '' stands for a setting that is not proposed. */
export type ProposeDraft = Record<'interval' | 'reconcile' | 'rate' | 'source' | 'patterns', string>

export const emptyProposal: ProposeDraft = { interval: '', reconcile: '', rate: '', source: '', patterns: '' }

type Problems = Partial<Record<keyof ProposeDraft, WordKey>>

/** Converts the draft to the JSON text of a proposal; null while it has problems or no settings. */
export function readProposal(draft: ProposeDraft): { text: string | null; problems: Problems } {
  const problems: Problems = {}
  const readSeconds = (field: 'interval' | 'reconcile') => {
    if (draft[field].trim() === '') return undefined
    const key = field === 'interval' ? 'check.intervalSeconds' : 'scan.reconcileSeconds'
    const seconds = parseNumber(getNumberSchema(key), draft[field])
    if (seconds === null) problems[field] = `window.proposal.bad.${field}`
    return seconds ?? undefined
  }
  const readRate = () => {
    const typed = draft.rate.trim()
    if (typed === '') return undefined
    if (typed === '0') return null
    const rate = parseRate(typed)
    if (rate === null) problems.rate = 'window.proposal.bad.rate'
    return rate === 'none' ? undefined : rate
  }
  const name = draft.source.trim()
  const ignore = draft.patterns.split('\n').filter((line) => line.trim() !== '')
  if (name === '' && ignore.length > 0) problems.source = 'window.channel.missing'
  if (name !== '' && ignore.length === 0) problems.patterns = 'window.channel.missing'
  const [intervalSeconds, reconcileSeconds] = [readSeconds('interval'), readSeconds('reconcile')]
  const bytesPerSecond = readRate()
  const fragment = {
    ...(name === '' ? {} : { sources: [{ name, filters: { ignore } }] }),
    ...(intervalSeconds === undefined ? {} : { check: { intervalSeconds } }),
    ...(reconcileSeconds === undefined ? {} : { scan: { reconcileSeconds } }),
    ...(bytesPerSecond === undefined ? {} : { send: { bytesPerSecond } }),
  }
  const isReady = Object.keys(problems).length === 0 && Object.keys(fragment).length > 0
  return { text: isReady ? JSON.stringify(fragment, null, 2) : null, problems }
}

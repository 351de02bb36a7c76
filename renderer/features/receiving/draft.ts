import type { CommandInput } from '../../../core/agent/contract.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'

export type Receive = NonNullable<AppState['settings']['receive']>
type Given = NonNullable<CommandInput<'setReceiving'>['receive']>

/** The receiver's settings as edited in the form. */
export interface Draft {
  directory: string
  port: string
  /** GiB per sender; '' for no limit. */
  quota: string
  /** '' for never. */
  silentHours: string
  failingMinutes: string
}

/** The fields that are shown under "Advanced". */
export const advanced = ['silentHours', 'failingMinutes'] as const satisfies (keyof Draft)[]

const GIB = 1024 ** 3
const LONGEST_HOURS = 8_760
const LONGEST_MINUTES = 10_080

export const newReceiving = (): Draft => ({
  ...{ directory: '', port: '7766', quota: '' },
  ...{ silentHours: '24', failingMinutes: '10' },
})

/** Returns the settings as a draft. */
export function toDraft({ directory, port, quotaBytes, silentHours, failingMinutes }: Receive): Draft {
  return {
    directory,
    port: String(port),
    quota: quotaBytes === null ? '' : String(quotaBytes / GIB),
    silentHours: silentHours === 0 ? '' : String(silentHours),
    failingMinutes: String(failingMinutes),
  }
}

/** Converts the draft to settings, or returns its problems. */
export function readReceiving(draft: Draft): {
  receive: Given | null
  problems: Partial<Record<keyof Draft, WordKey>>
} {
  const problems: Partial<Record<keyof Draft, WordKey>> = {}
  const directory = draft.directory.trim()
  if (directory === '') problems.directory = 'window.channel.missing'
  else if (!/^(\/|[A-Za-z]:[\\/]|\\\\)/.test(directory))
    problems.directory = 'window.destinations.invalid.path'
  const readNumber = (field: keyof Draft, empty: number, most: number, problem: WordKey) => {
    const typed = draft[field].trim()
    const value = typed === '' ? empty : Number(typed)
    if (!(value >= 0 && value <= most)) problems[field] = problem
    return value
  }
  const port = readNumber('port', Number.NaN, 65_535, 'window.destinations.invalid.port')
  if (!/^\d+$/.test(draft.port.trim()) || port === 0) problems.port = 'window.destinations.invalid.port'
  const typed = draft.quota.trim()
  const quotaBytes = typed === '' ? null : Math.round(Number(typed) * GIB)
  if (quotaBytes !== null && !(quotaBytes >= 1 && quotaBytes <= Number.MAX_SAFE_INTEGER))
    problems.quota = 'window.receiving.badQuota'
  const silentHours = readNumber('silentHours', 0, LONGEST_HOURS, 'window.receiving.badHours')
  const failingMinutes = readNumber('failingMinutes', 0, LONGEST_MINUTES, 'window.receiving.badMinutes')
  const isGood = Object.keys(problems).length === 0
  const receive = { directory, port, quotaBytes, silentHours, failingMinutes }
  return { receive: isGood ? receive : null, problems }
}

import type { CommandInput } from '../../../core/agent/contract.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'

export type Receive = NonNullable<CommandInput<'setReceiving'>['receive']>

/** The receiver's settings as edited in the form. */
export interface Draft {
  directory: string
  port: string
  /** GiB per sender; '' for no limit. */
  quota: string
}

const GIB = 1024 ** 3

export const newReceiving = (): Draft => ({ directory: '', port: '7766', quota: '' })

/** Returns the settings as a draft. */
export function toDraft({ directory, port, quotaBytes }: Receive): Draft {
  return { directory, port: String(port), quota: quotaBytes === null ? '' : String(quotaBytes / GIB) }
}

/** Converts the draft to settings, or returns its problems. */
export function readReceiving(draft: Draft): {
  receive: Receive | null
  problems: Partial<Record<keyof Draft, WordKey>>
} {
  const problems: Partial<Record<keyof Draft, WordKey>> = {}
  const directory = draft.directory.trim()
  if (directory === '') problems.directory = 'window.channel.missing'
  else if (!/^(\/|[A-Za-z]:[\\/]|\\\\)/.test(directory))
    problems.directory = 'window.destinations.invalid.path'
  const port = Number(draft.port.trim())
  if (!/^\d{1,5}$/.test(draft.port.trim()) || port < 1 || port > 65_535)
    problems.port = 'window.destinations.invalid.port'
  const typed = draft.quota.trim()
  const quotaBytes = typed === '' ? null : Math.round(Number(typed) * GIB)
  if (quotaBytes !== null && !(quotaBytes >= 1 && quotaBytes <= Number.MAX_SAFE_INTEGER))
    problems.quota = 'window.receiving.badQuota'
  const isGood = Object.keys(problems).length === 0
  return { receive: isGood ? { directory, port, quotaBytes } : null, problems }
}

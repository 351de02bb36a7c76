import type { CommandInput } from '../../../core/agent/contract.ts'
import type { AppState } from '../../../core/agent/state/schema.ts'
import { LONGEST_LOCK_DAYS } from '../../../core/backends/fields.ts'
import { parseSize } from '../../../core/lib/i18n/formats.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'

export type Receive = NonNullable<AppState['settings']['receive']>
type Given = NonNullable<CommandInput<'setReceiving'>['receive']>

/** The fields that are shown under "Advanced", in this order. */
export const advanced = [
  'silentHours',
  'failingMinutes',
  'lockDays',
  'keepFree',
  'quotaFiles',
  'host',
  'isocketPort',
  'isocketHost',
] as const

/** The receiver's settings as edited in the form; '' stands for none, never, or the usual value. */
export type Draft = Record<'directory' | 'port' | 'quota' | (typeof advanced)[number], string>

const GIB = 1024 ** 3
const MOST_PORT = 65_535
const MOST_HOURS = 8_760
const MOST_MINUTES = 10_080

export const newReceiving = (): Draft => ({
  ...{ directory: '', port: '7766', quota: '', silentHours: '24', failingMinutes: '10', keepFree: '' },
  ...{ lockDays: '', quotaFiles: '', host: '0.0.0.0', isocketPort: '', isocketHost: '127.0.0.1' },
})

/** Returns the settings as a draft. */
export function toDraft(receive: Receive): Draft {
  const { directory, port, quotaBytes, quotaFiles, keepFree, isocketPort } = receive
  const { host, isocketHost, silentHours, failingMinutes, lockDays } = receive
  return {
    ...{ directory, host, isocketHost, port: String(port), isocketPort: toText(isocketPort) },
    ...{ quota: toText(quotaBytes, GIB), quotaFiles: toText(quotaFiles), keepFree: keepFree ?? '' },
    ...{ silentHours: toText(silentHours || null), failingMinutes: String(failingMinutes) },
    lockDays: toText(lockDays),
  }
}

const toText = (value: number | null | undefined, unit = 1): string =>
  value == null ? '' : String(value / unit)

/** Reads numbers of a form, and remembers the fields with problems. */
function readFields<Field extends string>(draft: Readonly<Record<Field, string>>) {
  const problems: Partial<Record<Field, WordKey>> = {}
  /** Returns null if nothing was typed. */
  const read = (field: Field, [least, most]: readonly [number, number], problem: WordKey) => {
    const typed = draft[field].trim()
    if (typed === '') return null
    const value = Number(typed)
    if (!(value >= least && value <= most)) problems[field] = problem
    return value
  }
  return {
    problems,
    port: (field: Field) => {
      const port = read(field, [1, MOST_PORT], 'window.destinations.invalid.port')
      if (port !== null && !Number.isInteger(port)) problems[field] = 'window.destinations.invalid.port'
      return port
    },
    gib: (field: Field) => {
      const most = Number.MAX_SAFE_INTEGER / GIB
      const size = read(field, [1 / GIB, most], 'window.receiving.badQuota')
      return size === null ? null : Math.round(size * GIB)
    },
    files: (field: Field) => {
      const files = read(field, [1, Number.MAX_SAFE_INTEGER], 'window.receiving.badQuota')
      return files === null ? null : Math.round(files)
    },
    days: (field: Field) => {
      const days = read(field, [1, LONGEST_LOCK_DAYS], 'window.destinations.invalid.lockDays')
      if (days !== null && !Number.isInteger(days)) problems[field] = 'window.destinations.invalid.lockDays'
      return days
    },
    hours: (field: Field) => read(field, [0, MOST_HOURS], 'window.receiving.badHours'),
    minutes: (field: Field) => read(field, [0, MOST_MINUTES], 'window.receiving.badMinutes'),
  }
}

/** Converts the draft to settings, or returns its problems. */
export function readReceiving(draft: Draft) {
  const { problems, ...read } = readFields(draft)
  const [directory, host, isocketHost, keepFree] = (
    ['directory', 'host', 'isocketHost', 'keepFree'] as const
  ).map((field) => draft[field].trim()) as [string, string, string, string]
  if (directory === '') problems.directory = 'window.channel.missing'
  else if (!/^(\/|[A-Za-z]:[\\/]|\\\\)/.test(directory))
    problems.directory = 'window.destinations.invalid.path'
  if (host === '') problems.host = 'window.channel.missing'
  if (isocketHost === '') problems.isocketHost = 'window.channel.missing'
  if (keepFree !== '' && !/^\d{1,2}(\.\d+)?%$/.test(keepFree) && parseSize(keepFree) === null)
    problems.keepFree = 'window.receiving.badFree'
  const port = read.port('port')
  if (port === null) problems.port = 'window.destinations.invalid.port'
  const receive: Given = {
    ...{ directory, host, isocketHost, port: port ?? undefined, isocketPort: read.port('isocketPort') },
    ...{ quotaBytes: read.gib('quota'), quotaFiles: read.files('quotaFiles'), keepFree: keepFree || null },
    ...{ silentHours: read.hours('silentHours') ?? 0, failingMinutes: read.minutes('failingMinutes') ?? 0 },
    lockDays: read.days('lockDays'),
  }
  return { receive: Object.keys(problems).length === 0 ? receive : null, problems }
}

/** The limits of one sender as edited in their form; '' stands for those of every sender. */
export type LimitsDraft = Record<'quota' | 'quotaFiles' | 'silentHours', string>

export function toLimitsDraft(receive: Receive, folder: string): LimitsDraft {
  // Senders choose their folders: an object would always contain "constructor".
  const read = (of: Record<string, number>, unit = 1) => toText(new Map(Object.entries(of)).get(folder), unit)
  return {
    quota: read(receive.quotaBytesOf, GIB),
    quotaFiles: read(receive.quotaFilesOf),
    silentHours: read(receive.silentHoursOf),
  }
}

/** Converts the limits of one sender to settings, or returns its problems. */
export function readLimits(draft: LimitsDraft, receive: Receive, folder: string) {
  const { problems, ...read } = readFields(draft)
  const withLimit = (of: Record<string, number>, limit: number | null) => {
    const { [folder]: _, ...others } = of
    return limit === null ? others : { ...others, [folder]: limit }
  }
  const changed: Given = {
    directory: receive.directory,
    quotaBytesOf: withLimit(receive.quotaBytesOf, read.gib('quota')),
    quotaFilesOf: withLimit(receive.quotaFilesOf, read.files('quotaFiles')),
    silentHoursOf: withLimit(receive.silentHoursOf, read.hours('silentHours')),
  }
  return { receive: Object.keys(problems).length === 0 ? changed : null, problems }
}

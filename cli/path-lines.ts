import { isElsewhere } from '../core/agent/state/initial.ts'
import { isElsewhere as isOnShare } from '../core/mounts/shares.ts'
import { destinationsOf } from '../core/settings/destinations.ts'
import { batchSettingsSchema, type Settings, type Source } from '../core/settings/schema.ts'
import { formatBytes, formatDuration, formatTime } from '../core/words/formats.ts'
import { message } from '../core/words/message.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalWords } from './terminal-words.ts'

/** What is protected and how, and what is only checked, as lines for a terminal. */
export function pathLines(settings: Settings): string[] {
  return [
    ...settings.sources.flatMap((source) => sourceLines(settings, source)),
    ...settings.checkedPaths.flatMap(({ id, path }) => [
      `${quoteControls(path)}  (only checked)`,
      ...mutedLines(settings, id).map((line) => `  ${line}`),
    ]),
  ]
}

/** That nobody hears of what is wrong with a source or a checked path, as long as it is so. */
export function mutedLines({ alerts }: Settings, id: string, now: number = Date.now()): string[] {
  const until = alerts.muted[id]
  if (until === undefined || (until !== null && until <= now)) return []
  return [until === null ? 'muted' : `muted until ${formatTime(until, 'en')}`]
}

/** One protected directory: its first line, and one for each setting that is not as it is by default. */
export function sourceLines(settings: Settings, source: Source): string[] {
  const { name, path, kind, batch, oneFileSystem } = source
  const { ignore, hidden, minimumBytes, maximumBytes, minimumAgeSeconds } = source
  const { priority, deleteAfter, silentHours, paused } = source
  const bytes = (value: number) => formatBytes(value, 'en')
  const time = (seconds: number) => formatDuration(seconds * 1_000, 'en')
  const prefix = batch.prefix === '' ? '' : ` that begin with ${quoteControls(batch.prefix)}`
  const settingLines = [
    ...(kind === 'batch' ? [`batch directories${prefix}`, ...marksOf(batch)] : []),
    ...ignore.map((pattern) => `left out: ${quoteControls(pattern)}`),
    ...(hidden === 'leave-out' ? ['left out: names that begin with a dot'] : []),
    ...(minimumBytes === null ? [] : [`left out: smaller than ${bytes(minimumBytes)}`]),
    ...(maximumBytes === null ? [] : [`left out: larger than ${bytes(maximumBytes)}`]),
    ...(minimumAgeSeconds === 0 ? [] : [`sent ${time(minimumAgeSeconds)} after the last change`]),
    ...(oneFileSystem ? ['left out: what is mounted inside'] : []),
    ...(priority === 'normal' ? [] : [`priority: ${priority}`]),
    ...(deleteAfter === null ? [] : [`removed here ${time(deleteAfter.hours * 3_600)} after it was sent`]),
    ...(deleteAfter === null || goesElsewhere(settings, source)
      ? []
      : [terminalWords(message('window.remove.notHere'))]),
    ...(silentHours === null ? [] : [`tells when nothing has come for ${time(silentHours * 3_600)}`]),
    ...(source.destinations === null ? [] : [`goes to: ${namesOf(settings, source)}`]),
    ...(paused ? ['paused'] : []),
    ...mutedLines(settings, source.id),
  ]
  return [`${quoteControls(name)}  ${quoteControls(path)}`, ...settingLines.map((line) => `  ${line}`)]
}

/** Marks that are not as they are by default. */
function marksOf({ closedMark, sentMark }: Source['batch']): string[] {
  const usual = batchSettingsSchema.parse({})
  return [
    ...(closedMark === usual.closedMark ? [] : [`closed by: ${quoteControls(closedMark)}`]),
    ...(sentMark === usual.sentMark ? [] : [`marked as sent by: ${quoteControls(sentMark)}`]),
  ]
}

/** As far as it is known without asking the destinations. */
function goesElsewhere({ destinations }: Settings, source: Source): boolean {
  return destinationsOf(destinations, source).some((one) =>
    one.kind === 'folder' ? isOnShare(one.path) : isElsewhere(one),
  )
}

function namesOf({ destinations }: Settings, source: Source): string {
  return destinationsOf(destinations, source)
    .map(({ name }) => quoteControls(name))
    .join(', ')
}

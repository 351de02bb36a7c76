import {
  findDeletedMessage,
  findHeldMessage,
  findKeepers,
  findMarkedMessage,
} from '../../core/agent/state/derived.ts'
import { isElsewhere } from '../../core/agent/state/next-state.ts'
import type { AppState, SourceState } from '../../core/agent/state/schema.ts'
import { EVERYTHING } from '../../core/alerts/kinds.ts'
import { getKind } from '../../core/backends/kinds.ts'
import { message } from '../../core/lib/i18n/message.ts'
import { isOnOtherComputer as isOnShare } from '../../core/platform/mounts.ts'
import {
  destinationWord,
  EMBEDDED_DESTINATION,
  getSourceDestinations,
} from '../../core/settings/destinations.ts'
import {
  batchSettingsSchema,
  type ExpectedFiles,
  type ShownSettings,
  type Source,
} from '../../core/settings/schema.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { named, terminalWords, translate } from '../terminal/terminal-words.ts'
import { oddPatternLines } from './ignore-from.ts'

/** Formats the protected and checked paths with their settings, as lines for a terminal. */
export function pathLines(settings: ShownSettings): string[] {
  return [
    ...settings.sources.flatMap((source) => sourceLines(settings, source)),
    ...settings.checkedPaths.flatMap(({ id, path, link }) => [
      translate('cli.paths.onlyChecked', { path }),
      ...linkLines({ path, link }).map((line) => `  ${line}`),
      ...mutedLines(settings, id).map((line) => `  ${line}`),
    ]),
  ]
}

/** Formats the target of a path that was given by a link. */
export const linkLines = ({ path, link }: Pick<Source, 'path' | 'link'>): string[] =>
  link === null ? [] : [translate('paths.link', { link, path })]

/** Formats the muting of a source, a checked path or EVERYTHING while it lasts. */
export function mutedLines({ alerts }: ShownSettings, id: string, now: number = Date.now()): string[] {
  const until = alerts.muted[id]
  if (until === undefined || (until !== null && until <= now)) return []
  if (until === null) return [translate('cli.muted')]
  return [translate(id === EVERYTHING ? 'cli.allMutedUntil' : 'cli.mutedUntil', { until })]
}

/** Formats a protected directory: a first line, and one for each setting that differs from its default. */
export function sourceLines(settings: ShownSettings, source: Source): string[] {
  const { name, path, kind, batch, oneFileSystem } = source
  const { ignore, hidden, temporary, minimumBytes, maximumBytes, minimumAgeSeconds } = source
  const { priority, deleteAfter, silentHours, paused } = source
  const leftOut = (what: string) => translate('cli.paths.leftOut', { what })
  const hoursToMs = (hours: number) => hours * 3_600_000
  const settingLines = [
    ...linkLines(source),
    ...(kind === 'batch' ? batchLines(batch) : []),
    ...ignore.map(leftOut),
    ...oddPatternLines(ignore, path, true),
    ...(hidden === 'leave-out' ? [leftOut(translate('cli.paths.hidden'))] : []),
    ...(temporary === 'send' ? [translate('cli.paths.temporary')] : []),
    ...(minimumBytes === null ? [] : [leftOut(translate('cli.paths.smaller', { size: minimumBytes }))]),
    ...(maximumBytes === null ? [] : [leftOut(translate('cli.paths.larger', { size: maximumBytes }))]),
    ...(minimumAgeSeconds === 0
      ? []
      : [translate('cli.paths.sentAfter', { age: minimumAgeSeconds * 1_000 })]),
    ...(oneFileSystem ? [leftOut(translate('cli.paths.mounted'))] : []),
    ...(priority === 'normal' ? [] : [translate(`cli.paths.${priority}`)]),
    ...(deleteAfter === null
      ? []
      : [translate('cli.paths.deleteAfter', { after: hoursToMs(deleteAfter.hours) })]),
    ...(deleteAfter === null ? [] : removalObstacleLines(settings, source)),
    ...(silentHours === null
      ? []
      : [translate('cli.paths.tellSilence', { silence: hoursToMs(silentHours) })]),
    ...(source.digests.length === 0
      ? []
      : [translate('cli.paths.digests', { kinds: source.digests.map(digestName).join(', ') })]),
    ...source.expected.map(expectedLine),
    ...(source.destinations === null
      ? []
      : [translate('cli.paths.goesTo', { names: formatDestinationNames(settings, source) })]),
    ...(paused ? [translate('window.phase.paused')] : []),
    ...mutedLines(settings, source.id),
  ]
  return [`${quoteControls(name)}  ${quoteControls(path)}`, ...settingLines.map((line) => `  ${line}`)]
}

/** Returns the usual spelling of a digest's kind. */
const digestName = (kind: Source['digests'][number]): string => ({ sha256: 'SHA-256', md5: 'MD5' })[kind]

/** Formats a rule for expected files. */
export function expectedLine({
  pattern,
  everyMinutes,
  withinMinutes,
  minimumBytes,
  zone,
}: ExpectedFiles): string {
  const every = everyMinutes * 60_000
  const rule = { pattern: quoteControls(pattern), every, within: withinMinutes * 60_000 }
  return [
    translate('cli.expected.rule', rule),
    ...(minimumBytes === 0 ? [] : [translate('cli.expected.atLeast', { size: minimumBytes })]),
    ...(zone === null ? [] : [zone]),
  ].join(', ')
}

/** Formats the prefix of batch directories, and the marks that differ from their defaults. */
function batchLines({ prefix, closedMark, sentMark }: Source['batch']): string[] {
  const usual = batchSettingsSchema.parse({})
  return [
    prefix === '' ? translate('cli.paths.batch') : translate('cli.paths.batchPrefix', { prefix }),
    ...(closedMark === usual.closedMark ? [] : [translate('cli.paths.closedBy', { mark: closedMark })]),
    ...(sentMark === usual.sentMark ? [] : [translate('cli.paths.sentBy', { mark: sentMark })]),
  ]
}

/** Returns why nothing is deleted after sending, as far as the settings show it: see findRemovalObstacle. */
function removalObstacleLines({ destinations }: ShownSettings, source: Source): string[] {
  const elsewhere = getSourceDestinations(destinations, source).filter((one) =>
    one.kind === 'folder' ? isOnShare(one.path) : isElsewhere(one),
  )
  const [first] = elsewhere
  if (first === undefined) return [translate('window.remove.notHere')]
  if (elsewhere.some(({ kind }) => getKind(kind).neverSyncs !== true)) return []
  return [translate('window.remove.notDurable', { name: first.name })]
}

function formatDestinationNames({ destinations }: ShownSettings, source: Source): string {
  return named(getSourceDestinations(destinations, source).map(({ name }) => name))
}

/** Lists the open decisions of a path, with the commands that make them. */
export function heldLines(state: Pick<AppState, 'destinations'>, source: SourceState): string[] {
  const { path, name } = source.settings
  const [held, marked] = [findHeldMessage(source), findMarkedMessage(source)]
  const deleted = findDeletedMessage(state, source)
  const [keeper] = findKeepers(state, [source])
  const destination =
    keeper === undefined ? EMBEDDED_DESTINATION : destinationWord(state.destinations, keeper.id)
  const sentences = [
    ...(held === null
      ? []
      : [held, message('cli.paths.bringBack', { path }), message('cli.paths.sendThem', { path })]),
    ...(deleted === null
      ? []
      : [
          deleted.whole,
          message('cli.paths.putBack', { name, destination }),
          message('cli.paths.wasIntended', { path }),
        ]),
    ...(marked === null
      ? []
      : [marked, message('cli.paths.confirm', { path }), message('cli.paths.send', { path })]),
  ]
  return sentences.map(terminalWords)
}

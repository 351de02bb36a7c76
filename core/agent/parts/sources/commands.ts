import { randomUUID } from 'node:crypto'
import { createNameFilter, toNameRules } from '../../../filter/exclusion-rules.ts'
import { UserError } from '../../../lib/i18n/user-error.ts'
import {
  getSource,
  idOfPath,
  refuseDeleteAfter,
  refuseEmptyRange,
  refuseUnclosed,
  sourceName,
  uniqueName,
  withoutChecked,
  withoutSource,
  withSourceChanged,
} from '../../../settings/changes.ts'
import { getSourceDestinations, namedDestination } from '../../../settings/destinations.ts'
import { findFirstExpected } from '../../../settings/expected/first.ts'
import { checkedPathSchema, type Source, sourceSchema } from '../../../settings/schema.ts'
import {
  acceptPath,
  acceptSource,
  getStorePaths,
  linkTo,
  refuseMoved,
  resolveAbsolute,
} from '../../accept-path.ts'
import type { Agent } from '../../agent.ts'
import { type HandlersOf, runAction } from '../../answering.ts'
import type { CommandInput, CommandOutput } from '../../contract.ts'
import { type SettingsContext, setterFor } from '../../settings-context.ts'
import type { sourcesContract } from './contract.ts'
import { explainFile, explainOutside, findSourceOf } from './explain-file.ts'

/** Limit of the files that a preview lists. */
const PREVIEW_EXAMPLES = 100

type Services = Pick<Agent, 'alerting' | 'restores' | 'scanner' | 'senders' | 'settings' | 'store'>

/** Returns the handlers of this part's commands. A refusal is thrown as a UserError. */
export function sourcesHandlers(agent: Services, context: SettingsContext) {
  const set = setterFor(context)
  return {
    addSource: (input) => runAction(() => addSource(context, input)),
    removeSource: ({ id }) => set((settings) => withoutSource(settings, id)),
    moveSource: (input) => runAction(() => moveSource(context, input)),
    followLink: (input) => runAction(() => followLink(context, input)),
    changeSource: ({ id, changes }) =>
      set((settings) => {
        const changed = withSourceChanged(settings, id, changes)
        refuseLeftOut(getSource(settings, id), getSource(changed, id))
        return changed
      }),
    previewFilters: ({ id, filters }) =>
      agent.scanner.request('preview', {
        source: { ...getSource(agent.settings.get(), id), ...filters },
        examples: PREVIEW_EXAMPLES,
      }),
    retryParked: ({ id, file }) => runAction(() => agent.senders.requestAll('retry', { source: id, file })),
    files: ({ destination, ...query }) =>
      agent.senders.request('files', {
        ...query,
        destinations: destinationsOfList(agent, query.source).filter(
          (id) => destination === undefined || id === destination,
        ),
      }),
    explainFile: (input) => explain(agent, context, input),
    ...heldSourceHandlers(agent),
  } satisfies HandlersOf<typeof sourcesContract>
}

async function explain(
  { settings, store }: Services,
  { examine }: SettingsContext,
  { path, isDirectory }: CommandInput<'explainFile'>,
): Promise<CommandOutput<'explainFile'>> {
  const found = findSourceOf(settings.get().sources, path)
  const source = store.state.sources.find(({ settings: { id } }) => id === found?.source.id)
  if (found === null || source === undefined) return explainOutside(path, isDirectory)
  const destinations = source.destinations.map(({ id }) => id)
  const examined = await examine({ source: found.source, destinations, path: found.path })
  return explainFile(store.state, source, found.path, examined)
}

/** Patterns that a new source gets on macOS: files of the Finder, and metadata of disks that cannot store them. */
const MACOS_IGNORE = ['.DS_Store', '._*']

/** @throws UserError refuse.… if the path cannot become a source */
export async function addSource(context: SettingsContext, input: CommandInput<'addSource'>): Promise<void> {
  const wanted = resolveAbsolute(input.path)
  const facts = await context.inspect(wanted)
  const { sources } = context.settings.get()
  refuseMoved(sources, wanted, facts.real)
  const same = sources.find((one) => one.path === facts.real)
  if (same !== undefined && !isAsAsked(same, input))
    throw new UserError('refuse.alreadyOtherwise', { path: wanted, name: same.name })
  const real = acceptSource(wanted, facts, {
    sources,
    stores: getStorePaths(context.settings.get(), context.layout),
  })
  const { path: _, kind, prefix, to, ...filters } = input
  const known = context.settings.get().destinations
  const destinations = to?.map((name) => namedDestination(known, name).id) ?? null
  const source = sourceSchema.parse({
    id: freeId(real, sources),
    path: real,
    link: linkTo(real, wanted),
    name: uniqueName(sourceName(real), sources),
    kind: kind ?? 'continuous',
    batch: { prefix: prefix ?? '' },
    // Holdfast writes marks into a batch source.
    write: facts.mayWrite || kind === 'batch',
    destinations,
    ignore: process.platform === 'darwin' ? MACOS_IGNORE : [],
    ...filters,
  })
  refuseUnclosed(source.ignore)
  refuseEmptyRange(source)
  refuseDeleteAfter(source)
  // A source is also checked, so its entry among the checked paths is removed.
  context.change((settings) => ({
    ...settings,
    sources: [...settings.sources, source],
    checkedPaths: settings.checkedPaths.filter((one) => one.path !== real && one.id !== source.id),
  }))
}

/** @throws UserError refuse.expectedLeftOut: from now on the filters leave out the files of a rule. */
function refuseLeftOut(before: Source, source: Source): void {
  for (const rule of source.expected) {
    const { path: file } = findFirstExpected(rule, Date.now())
    if (!isLeftOut(source, file)) continue
    const isAsBefore = before.expected.some(({ pattern }) => pattern === rule.pattern)
    if (isAsBefore && isLeftOut(before, file)) continue
    throw new UserError('refuse.expectedLeftOut', { pattern: rule.pattern, file, name: source.name })
  }
}

/** True if the filters of a source leave out an expected file; false for a name with wildcards, of which some may pass. */
function isLeftOut(source: Source, file: string): boolean {
  if (/[*?]/.test(file)) return false
  const rules = toNameRules(source)
  const filter = createNameFilter(rules)
  // A name may be in any directory; those of a batch source are in its batches.
  if (file.includes('/')) return filter.fileBelow(file) !== null
  return filter.file(rules.batchPrefix === undefined ? file : `${rules.batchPrefix}1/${file}`) !== null
}

/** True if a source matches the request. Omitted options match anything. */
function isAsAsked({ kind, batch, oneFileSystem }: Source, asked: CommandInput<'addSource'>): boolean {
  const isAsMounted = (asked.oneFileSystem ?? oneFileSystem) === oneFileSystem
  return isAsMounted && (asked.kind ?? kind) === kind && (asked.prefix ?? batch.prefix) === batch.prefix
}

/** Returns an unused id. A moved source keeps the id of its first path, so that id may be taken. */
function freeId(real: string, sources: readonly Source[]): string {
  const id = idOfPath(real)
  return sources.some((one) => one.id === id) ? randomUUID() : id
}

async function moveSource(
  context: SettingsContext,
  { id, path: given }: CommandInput<'moveSource'>,
): Promise<void> {
  const wanted = resolveAbsolute(given)
  const facts = await context.inspect(wanted)
  const settings = context.settings.get()
  const { path: before, name } = getSource(settings, id)
  const others = settings.sources.filter((one) => one.id !== id)
  const real = acceptSource(wanted, facts, {
    sources: others,
    stores: getStorePaths(settings, context.layout),
  })
  if (real === before) throw new UserError('refuse.already', { path: wanted, name })
  context.change((now) => ({
    ...now,
    sources: now.sources.map((one) =>
      one.id === id
        ? { ...one, path: real, link: linkTo(real, wanted), write: facts.mayWrite || one.kind === 'batch' }
        : one,
    ),
    checkedPaths: now.checkedPaths.filter((one) => one.path !== real),
  }))
}

async function followLink(context: SettingsContext, { id, stay }: CommandInput<'followLink'>): Promise<void> {
  const { sources, checkedPaths } = context.settings.get()
  const source = sources.find((one) => one.id === id)
  const found = source ?? checkedPaths.find((one) => one.id === id)
  if (found === undefined) throw new UserError('refuse.noSource')
  const { link } = found
  if (link === null) throw new UserError('refuse.noLink', { path: found.path })
  if (stay) {
    const withoutLink = <P extends { id: string }>(one: P) => (one.id === id ? { ...one, link: null } : one)
    return context.change((now) => ({
      ...now,
      sources: now.sources.map(withoutLink),
      checkedPaths: now.checkedPaths.map(withoutLink),
    }))
  }
  if (source !== undefined) return moveSource(context, { id, path: link })
  const facts = await context.inspect(link)
  const real = acceptPath(link, facts)
  if ([...sources, ...checkedPaths].some((one) => one.path === real))
    throw new UserError('refuse.alreadyChecked', { path: real })
  const next = checkedPathSchema.parse({ id: idOfPath(real), path: real, link, write: facts.mayWrite })
  context.change((now) => ({
    ...withoutChecked(now, id),
    checkedPaths: now.checkedPaths.map((one) => (one.id === id ? next : one)),
  }))
}

/** Returns the handlers of the commands about sources whose files wait for a person's decision. */
function heldSourceHandlers({ store, scanner, senders, restores, alerting }: Services) {
  /** @throws UserError restore.notHeld */
  const findWaiting = (id: string, reason: 'held' | 'marked' | 'deleted') => {
    const source = store.state.sources.find(({ settings }) => settings.id === id)
    const { scanned } = source ?? {}
    const question = reason === 'deleted' ? scanned?.deleted?.since : scanned?.[reason]
    if (source === undefined || question == null) throw new UserError('restore.notHeld')
    return source
  }
  return {
    sendAsItIs: ({ id }) =>
      runAction(async () => {
        findWaiting(id, 'held')
        await scanner.request('release', { source: id })
        senders.nudge()
      }),
    acceptDeleted: ({ id }) =>
      runAction(async () => {
        findWaiting(id, 'deleted')
        await scanner.request('acceptDeleted', { source: id })
        alerting.alerts.accept(`deleted:${id}`)
      }),
    answerMarked: ({ id, answer }) =>
      runAction(async () => {
        findWaiting(id, 'marked')
        await scanner.request('answerMarked', { source: id, answer })
        senders.nudge()
      }),
    // Sending resumes once the files are restored.
    bringBack: ({ id }) =>
      runAction(async () => {
        const { settings } = findWaiting(id, 'held')
        const { destinations, settings: all } = store.state
        const { paths } = await scanner.request('lost', { source: id })
        const wanted = new Set(getSourceDestinations(all.destinations, settings).map((one) => one.id))
        const mine = destinations.filter((one) => wanted.size === 0 || wanted.has(one.id))
        const from = mine.find(({ connection }) => connection.state === 'connected') ?? mine[0]
        if (from === undefined) throw new UserError('restore.nowhere', { name: settings.name })
        const { folders } = await restores.ask('folders', { destination: from.id }, {})
        const folder = folders.find(({ source }) => source === id)?.name
        if (folder === undefined) throw new UserError('restore.nowhere', { name: settings.name })
        const newest = { path: null, version: null, at: null }
        await restores.start({
          ...{ destination: from.id, folder, ...newest, to: null, conflict: 'replace', only: paths },
        })
      }),
  } satisfies Partial<HandlersOf<typeof sourcesContract>>
}

/** Returns the destinations of one source, or all. Files queued for a source's former destination no longer wait. */
function destinationsOfList({ store: { state } }: Pick<Agent, 'store'>, source: string | null): string[] {
  const one = state.sources.find(({ settings: { id } }) => id === source)
  return (one?.destinations ?? state.destinations).map(({ id }) => id)
}

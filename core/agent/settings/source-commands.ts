import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { UserError } from '../../lib/i18n/user-error.ts'
import {
  getSource,
  refuseEmptyRange,
  refuseUnclosed,
  withoutChecked,
  withoutSource,
  withSourceChanged,
} from '../../settings/changes.ts'
import { namedDestination } from '../../settings/destinations.ts'
import { idOfPath } from '../../settings/path-id.ts'
import { checkedPathSchema, type Settings, type Source, sourceSchema } from '../../settings/schema.ts'
import { sourceName, uniqueName } from '../../settings/source-name.ts'
import { runAction } from '../answering.ts'
import type { CommandHandlers, CommandInput } from '../contract.ts'
import { acceptPath, acceptSource } from './accept-path.ts'
import type { SettingsContext } from './context.ts'
import { getStorePaths } from './place-folder.ts'

/** Returns the handlers of the commands for sources and checked paths. */
export function sourceCommands(context: SettingsContext) {
  const set = (update: (settings: Settings) => Settings) => runAction(() => context.change(update))
  return {
    addSource: (input) => runAction(() => addSource(context, input)),
    removeSource: ({ id }) => set((settings) => withoutSource(settings, id)),
    moveSource: (input) => runAction(() => moveSource(context, input)),
    followLink: (input) => runAction(() => followLink(context, input)),
    changeSource: ({ id, changes }) => set((settings) => withSourceChanged(settings, id, changes)),
    addCheckedPath: (input) => runAction(() => addCheckedPath(context, input.path)),
    removeCheckedPath: ({ id }) => set((settings) => withoutChecked(settings, id)),
  } satisfies Partial<CommandHandlers>
}

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
    // Holdfast writes the marks of batches there.
    write: facts.mayWrite || kind === 'batch',
    destinations,
    ...filters,
  })
  refuseUnclosed(source.ignore)
  refuseEmptyRange(source)
  // A source is also checked, so its entry among the checked paths is removed.
  context.change((settings) => ({
    ...settings,
    sources: [...settings.sources, source],
    checkedPaths: settings.checkedPaths.filter((one) => one.path !== real && one.id !== source.id),
  }))
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

/** True if a source matches the request. Omitted options match anything. */
function isAsAsked({ kind, batch, oneFileSystem }: Source, asked: CommandInput<'addSource'>): boolean {
  const isAsMounted = (asked.oneFileSystem ?? oneFileSystem) === oneFileSystem
  return isAsMounted && (asked.kind ?? kind) === kind && (asked.prefix ?? batch.prefix) === batch.prefix
}

async function addCheckedPath(context: SettingsContext, given: string): Promise<void> {
  const wanted = resolveAbsolute(given)
  const facts = await context.inspect(wanted)
  const { sources, checkedPaths } = context.settings.get()
  refuseMoved(
    checkedPaths.map((one) => ({ ...one, name: one.path })),
    wanted,
    facts.real,
  )
  const real = acceptPath(wanted, facts)
  if ([...sources, ...checkedPaths].some((one) => one.path === real)) {
    throw new UserError('refuse.alreadyChecked', { path: wanted })
  }
  const added = checkedPathSchema.parse({
    ...{ id: idOfPath(real), path: real },
    link: linkTo(real, wanted),
    write: facts.mayWrite,
  })
  context.change((settings) => ({ ...settings, checkedPaths: [...settings.checkedPaths, added] }))
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

/** Returns the path as given if it is a link or passes through one. */
const linkTo = (real: string, given: string): string | null => (given === real ? null : given)

/**
 * Refuses a known link that now points to another place.
 * @throws UserError refuse.linkMoved
 */
function refuseMoved(
  known: readonly { path: string; link: string | null; name: string }[],
  wanted: string,
  real: string | null,
): void {
  const moved = known.find(({ link, path: before }) => link === wanted && before !== real)
  if (moved !== undefined && real !== null)
    throw new UserError('refuse.linkMoved', { path: wanted, name: moved.name, before: moved.path, now: real })
}

function resolveAbsolute(given: string): string {
  if (!path.isAbsolute(given)) throw new UserError('refuse.relative', { path: given })
  // Removes a separator at the end, which does not change the path.
  return path.resolve(given)
}

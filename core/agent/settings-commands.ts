import { randomUUID } from 'node:crypto'
import path from 'node:path'
import type { TestStage } from '../backends/backend-messages.ts'
import { createNameFilter, toNameRules } from '../filter/exclusion-rules.ts'
import { LATE, withTimeout } from '../lib/async/timing.ts'
import { formatAddress } from '../lib/i18n/formats.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { UserError } from '../lib/i18n/user-error.ts'
import { findDisk, readMounts } from '../platform/mounts.ts'
import { parsePairingCode } from '../protocol/pairing-code.ts'
import {
  differences,
  getSource,
  idOfPath,
  LONGEST_PREVIEW,
  refuseDeleteAfter,
  refuseEmptyRange,
  refuseUnclosed,
  sourceName,
  uniqueName,
  withChannel,
  withChannelChanged,
  withChannelOrder,
  withMuted,
  withoutChannel,
  withoutChecked,
  withoutMuted,
  withoutSource,
  withPause,
  withSettingsChanged,
  withSourceChanged,
} from '../settings/changes.ts'
import { parseWebAddress, withComputer, withoutComputer } from '../settings/computers.ts'
import type { Destination } from '../settings/destination-schema.ts'
import {
  completeDestination,
  destinationIds,
  namedDestination,
  refuseMore,
  secretsOfDestination,
  withAcceptProposals,
  withAdded,
  withDestination,
  withDestinationChanged,
  withEjected,
  withoutDestination,
  withRenamed,
  withSamples,
} from '../settings/destinations.ts'
import { toSecretId, withoutSink, withSink, withSinkEnabled } from '../settings/event-sinks.ts'
import { findFirstExpected } from '../settings/expected/first.ts'
import { exportedText, importedSettings, missingSecrets, withImported } from '../settings/import-export.ts'
import { ownKnownHosts, readKnownHostIn } from '../settings/known-hosts.ts'
import { applyProposal, describeProposal, parseProposal } from '../settings/proposal.ts'
import { secretsOfProxy } from '../settings/proxy.ts'
import { checkedPathSchema, type Settings, type Source, sourceSchema } from '../settings/schema.ts'
import { newEncryptionKey, refuseSecret, type SecretOwner, staysAtPlace } from '../settings/secrets.ts'
import { createToken, withoutToken } from '../settings/web-tokens.ts'
import { acceptPath, acceptSource, getStorePaths, placedFolder, refusedSources } from './accept-path.ts'
import { runAction } from './answering.ts'
import { readOverview } from './computers/connect.ts'
import type { CommandHandlers, CommandInput, CommandOutput } from './contract.ts'
import { eject } from './ejecting.ts'
import { describeMissing } from './proposals.ts'
import { setReceiving } from './receiving.ts'
import type { SettingsContext } from './settings-context.ts'

/** Time limit for finding the disk of a source, which may hang, during the test of a folder. */
const INSPECT_WITHIN_MS = 1_000

/** Returns the handlers of the commands that read or change settings. They need no running agent. */
export function settingsCommands(context: SettingsContext) {
  const set = setterFor(context)
  return {
    ...sourceCommands(context),
    ...destinationCommands(context),
    ...channelCommands(context),
    pause: ({ minutes }) => set((settings) => withPause(settings, minutes, Date.now())),
    resume: () => set((settings) => ({ ...settings, pause: null })),
    setReceiving: ({ receive }) => runAction(() => setReceiving(context, receive)),
    ...computerCommands(context),
    ...proposalCommands(context),
    ...eventCommands(context),
    addWebToken: async (input) => {
      const { settings, token } = createToken(context.settings.get(), input, Date.now())
      context.change(() => settings)
      return { token }
    },
    removeWebToken: ({ id }) => set((settings) => withoutToken(settings, id)),
    settingsText: async () => ({ text: exportedText(context.settings.get(), context.computerName) }),
    readSettingsText: async (input) => readSettingsText(context, input),
    setProxy: ({ proxy, secrets: given }) =>
      runAction(() => {
        const { id } = secretsOfProxy(proxy)
        context.change((settings) => ({ ...settings, proxy }), { id, values: given })
      }),
    changeSettings: (changes) => set((settings) => withSettingsChanged(settings, changes)),
    importSettings: (input) => runAction(() => importSettings(context, input.settings)),
  } satisfies Partial<CommandHandlers>
}

/**
 * Returns the changes that importing a settings text would make, without making them.
 * @throws UserError settings.notImported, settings.newer, settings.notSettings, alert.channelInSettings
 */
function readSettingsText(
  { settings, secrets, computerName }: SettingsContext,
  { text, file }: CommandInput<'readSettingsText'>,
): CommandOutput<'readSettingsText'> {
  const imported = importedSettings(text, file, computerName)
  const now = settings.get()
  const next = withImported(now, imported)
  return {
    file,
    settings: imported,
    differences: differences(now, next, LONGEST_PREVIEW),
    missing: missingSecrets(now, next, secrets.get(), secrets.unreadable()),
  }
}

/** Returns a function that runs a command which only changes the settings. */
const setterFor = (context: SettingsContext) => (update: (settings: Settings) => Settings) =>
  runAction(() => context.change(update))

/** Returns the handlers of the commands for sources and checked paths. */
function sourceCommands(context: SettingsContext) {
  const set = setterFor(context)
  return {
    addSource: (input) => runAction(() => addSource(context, input)),
    removeSource: ({ id }) => set((settings) => withoutSource(settings, id)),
    moveSource: (input) => runAction(() => moveSource(context, input)),
    followLink: (input) => runAction(() => followLink(context, input)),
    changeSource: ({ id, changes }) =>
      set((settings) => {
        const changed = withSourceChanged(settings, id, changes)
        if (changes.expected !== undefined) refuseLeftOut(getSource(settings, id), getSource(changed, id))
        return changed
      }),
    addCheckedPath: (input) => runAction(() => addCheckedPath(context, input.path)),
    removeCheckedPath: ({ id }) => set((settings) => withoutChecked(settings, id)),
  } satisfies Partial<CommandHandlers>
}

/** @throws UserError refuse.expectedLeftOut: the filters leave out the files of a new rule. */
function refuseLeftOut(before: Source, source: Source): void {
  const rules = toNameRules(source)
  const filter = createNameFilter(rules)
  for (const rule of source.expected) {
    const { pattern } = rule
    if (before.expected.some((one) => one.pattern === pattern)) continue
    const { path: file } = findFirstExpected(rule, Date.now())
    // Filters decide about whole names only.
    if (/[*?]/.test(file)) continue
    // A name may be in any directory; those of a batch source are in its batches.
    const isLeftOut = file.includes('/')
      ? filter.fileBelow(file) !== null
      : filter.file(rules.batchPrefix === undefined ? file : `${rules.batchPrefix}1/${file}`) !== null
    if (isLeftOut) throw new UserError('refuse.expectedLeftOut', { pattern, file, name: source.name })
  }
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

/** Returns the handlers of the commands that change destinations. */
function destinationCommands(context: SettingsContext) {
  const set = setterFor(context)
  return {
    pair: ({ code, name }) =>
      runAction(async () => {
        refuseMore(context.settings.get(), parsePairingCode(code))
        // The code works once, so it must not be used up if the settings cannot be saved.
        context.settings.tryWriting()
        const paired = await context.pair({
          code: code.trim(),
          name: name ?? context.computerName,
        })
        const isKnown = context.settings.get().destinations.some(({ id }) => id === paired.id)
        context.change((settings) => withDestination(settings, paired))
        if (isKnown) context.restart(paired.id)
      }),
    addDestination: ({ destination, secrets }) =>
      runAction(() =>
        saveDestination(context, { id: randomUUID(), destination, secrets }, 'adding', withAdded),
      ),
    changeDestination: (input) =>
      runAction(() => saveDestination(context, input, 'kept', withDestinationChanged)),
    testDestination: async ({ id, destination, secrets }) => {
      const isNew = id === undefined
      // The test must fail for a folder that `addDestination` would refuse.
      const folder =
        isNew && destination.kind === 'folder'
          ? await resolveFolder(context, { ...destination, id: '' })
          : destination
      const test = await context.test({
        destination,
        secrets: isNew
          ? secrets
          : withKeptSecrets(context, secretsOfDestination({ ...destination, id }), secrets),
        stage: isNew ? 'given' : 'kept',
      })
      if (folder.kind !== 'folder' || !test.works) return test
      const warning = await findSameDiskWarning(context, folder.path, id)
      return { ...test, found: { ...test.found, ...(warning !== null && { warning }) } }
    },
    readKnownHosts,
    newEncryptionKey,
    ejectDestination: ({ id }) => eject(context, id),
    useDestination: ({ id }) => set((settings) => withEjected(settings, id, null)),
    setSamples: ({ id, samples }) => set((settings) => withSamples(settings, id, samples)),
    renameDestination: ({ id, name }) => set((settings) => withRenamed(settings, id, name)),
    removeDestination: ({ id }) => set((settings) => withoutDestination(settings, id)),
  } satisfies Partial<CommandHandlers>
}

/** Tests and saves a destination. Stores its secrets only if it is accepted. */
async function saveDestination(
  context: SettingsContext,
  { id, destination: wanted, secrets }: CommandInput<'changeDestination'>,
  stage: TestStage,
  update: (settings: Settings, destination: Destination) => Settings,
): Promise<void> {
  const given = completeDestination(wanted, id, context.computerName)
  update(context.settings.get(), given)
  context.settings.tryWriting()
  const destination = await resolveFolder(context, given)
  update(context.settings.get(), destination)
  const all = withKeptSecrets(context, secretsOfDestination(destination), secrets)
  const { works, sentence } = await context.test({ destination, secrets: all, stage })
  if (!works) throw new UserError(sentence.key, sentence.params)
  update(context.settings.get(), destination)
  context.change((settings) => update(settings, destination), { id, values: secrets })
}

/**
 * Returns a folder destination with its real path.
 * @throws UserError refuse.… if the folder cannot be a destination
 */
async function resolveFolder(context: SettingsContext, destination: Destination): Promise<Destination> {
  if (destination.kind !== 'folder') return destination
  const facts = await context.inspect(destination.path)
  return placedFolder(destination, facts, context.settings.get(), context.layout)
}

/**
 * Adds the destination's stored secrets to the given ones, if it is still the same place.
 * @throws UserError alert.secretsUnreadable if none are given and the stored ones cannot be read; alert.secretMoved
 */
function withKeptSecrets(
  context: SettingsContext,
  owner: SecretOwner,
  given: Record<string, string>,
): Record<string, string> {
  const { id, name, fields } = owner
  if (!staysAtPlace(context.settings.get(), owner)) {
    const moved = fields.find((field) => field.required && (given[field.name] ?? '') === '')
    if (moved !== undefined) throw refuseSecret('missing', moved.name, id in context.secrets.get())
    return given
  }
  if (Object.keys(given).length === 0 && context.secrets.unreadable().includes(id))
    throw new UserError('alert.secretsUnreadable', { name })
  const names = new Set(fields.map((field) => field.name))
  const kept = Object.entries(context.secrets.get()[id] ?? {}).filter(([field]) => names.has(field))
  const all = { ...Object.fromEntries(kept), ...given }
  // An empty value removes the secret.
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
}

/**
 * Returns a warning if sources are on the same disk as a folder.
 * @param id of an existing destination
 */
async function findSameDiskWarning(
  { settings: kept, inspect }: SettingsContext,
  folder: string,
  id: string | undefined,
): Promise<Message | null> {
  const settings = kept.get()
  const mounts = readMounts()
  const disk = findDisk(folder, mounts)
  if (disk === null) return null
  const wanted = settings.sources.filter(
    (source) => id === undefined || destinationIds(settings, source).includes(id),
  )
  const names = await Promise.all(
    wanted.map(async ({ name, path }) => {
      // The disk of a source is unknown while it is absent or hangs.
      const facts = await withTimeout(INSPECT_WITHIN_MS, inspect(path)).catch((): typeof LATE => LATE)
      return facts !== LATE && facts.real !== null && findDisk(facts.real, mounts) === disk ? [name] : []
    }),
  )
  const [name, ...others] = names.flat()
  if (name === undefined) return null
  return message('test.sameDisk', { name, count: others.length + 1, more: others.length })
}

async function readKnownHosts(server: { host: string; port: number }) {
  const file = ownKnownHosts()
  const { keys, hasAuthority } = await readKnownHostIn(file, server)
  const params = { file, address: formatAddress(server.host, server.port) }
  const [found] = keys
  if (found !== undefined) return { keys, sentence: message('sftp.knownHosts.found', { ...params, found }) }
  const key = hasAuthority ? 'sftp.knownHosts.authority' : 'sftp.knownHosts.none'
  return { keys, sentence: message(key, params) }
}

/** Returns the handlers of the commands for watched computers. */
function computerCommands(context: SettingsContext) {
  return {
    addComputer: ({ address: given, token, certificate, name }) =>
      runAction(async () => {
        const address = parseWebAddress(given)
        const before = context.settings.get().computers.find((one) => one.address === address)
        context.settings.tryWriting()
        const target = { name: name ?? before?.name ?? new URL(address).host, address, certificate, token }
        const overview = await readOverview(target)
        const id = before?.id ?? randomUUID()
        const computer = { id, name: name ?? before?.name ?? overview.computer, address, certificate }
        context.change((settings) => withComputer(settings, computer), { id, values: { token } })
      }),
    removeComputer: ({ id }) => setterFor(context)((settings) => withoutComputer(settings, id)),
  } satisfies Partial<CommandHandlers>
}

/** Returns the handlers of the commands for settings that receivers propose. */
function proposalCommands(context: SettingsContext) {
  const { proposals, settings } = context
  return {
    proposals: async () => ({ proposals: proposals.list(settings.get()) }),
    acceptProposal: ({ destination, proposal }) =>
      runAction(async () => {
        const { id, text } = proposals.getWaiting(destination, proposal)
        const fragment = parseProposal(text)
        const { missing } = describeProposal(settings.get(), fragment, destination)
        context.change((before) => applyProposal(before, fragment, destination))
        const sentence = describeMissing(missing)
        proposals.decide(destination, { id, accepted: true, sentence }, Date.now())
        await proposals.saved()
      }),
    declineProposal: ({ destination, proposal }) =>
      runAction(async () => {
        const { id } = proposals.getWaiting(destination, proposal)
        proposals.decide(destination, { id, accepted: false, sentence: null }, Date.now())
        await proposals.saved()
      }),
    setAcceptProposals: ({ id, accept }) =>
      setterFor(context)((before) => withAcceptProposals(before, id, accept)),
  } satisfies Partial<CommandHandlers>
}

/** Returns the handlers of the commands for sinks of events. */
function eventCommands(context: SettingsContext) {
  return {
    addEventSink: ({ sink: given, secrets }) =>
      runAction(() => {
        const sink = { ...given, since: Date.now() }
        context.change((settings) => withSink(settings, sink), { id: toSecretId(sink.id), values: secrets })
      }),
    switchEventSink: ({ id, on }) => setterFor(context)((settings) => withSinkEnabled(settings, id, on)),
    removeEventSink: ({ id }) => setterFor(context)((settings) => withoutSink(settings, id)),
  } satisfies Partial<CommandHandlers>
}

/** Returns the handlers of the commands for channels and muting. */
function channelCommands(context: SettingsContext) {
  const set = setterFor(context)
  const put =
    (update: typeof withChannel) =>
    ({ channel, secrets }: CommandInput<'addChannel'>) =>
      runAction(() =>
        context.change((settings) => update(settings, channel), { id: channel.id, values: secrets }),
      )
  return {
    mute: ({ id, until }) => set((settings) => withMuted(settings, id, until, Date.now())),
    unmute: ({ id }) => set((settings) => withoutMuted(settings, id)),
    addChannel: put(withChannel),
    changeChannel: put(withChannelChanged),
    removeChannel: ({ id }) => set((settings) => withoutChannel(settings, id)),
    orderChannels: ({ ids }) => set((settings) => withChannelOrder(settings, ids)),
  } satisfies Partial<CommandHandlers>
}

/**
 * Replaces all settings.
 * @throws UserError refuse.…, alert.channelInSettings; the settings are then unchanged
 */
function importSettings(context: SettingsContext, imported: Settings): void {
  const [refusal] = refusedSources(imported.sources, getStorePaths(imported, context.layout)).values()
  if (refusal !== undefined) throw new UserError(refusal.key, refusal.params)
  context.change((settings) => withImported(settings, imported))
}

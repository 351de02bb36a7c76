import os from 'node:os'
import path from 'node:path'
import { exampleNotice } from '../alerts/incident.ts'
import { renderMessage } from '../alerts/render.ts'
import { listAcceptable } from '../check/health/disk-health.ts'
import { ignoreError } from '../dropped-errors.ts'
import { LATE, withTimeout } from '../lib/async/timing.ts'
import { formatDay } from '../lib/i18n/formats.ts'
import { type Message, message } from '../lib/i18n/message.ts'
import { toSentence, UserError } from '../lib/i18n/user-error.ts'
import { createWords } from '../lib/i18n/words.ts'
import { getUserName } from '../platform/user-name.ts'
import { getSource, withAcceptedDisk } from '../settings/changes.ts'
import { getDestination, getSourceDestinations } from '../settings/destinations.ts'
import { type Agent, UNUSED_SETTINGS } from './agent.ts'
import { answerCommand, runAction } from './answering.ts'
import {
  type CommandHandlers,
  type CommandInput,
  type CommandOutput,
  type Commands,
  commands,
  MOST_FOUND,
} from './contract.ts'
import { deleteLocalCopies } from './local-copies.ts'
import { logLines } from './log-lines.ts'
import { getActorName, recordCommand, toChangesPage } from './recording.ts'
import { addSource, settingsCommands } from './settings-commands.ts'
import type { SettingsContext } from './settings-context.ts'
import { getFolderDirectory, toProofLimits } from './workers/configs.ts'

/** Limit of the files that a preview lists. */
const PREVIEW_EXAMPLES = 100

/** Time limit for closing everything in an ejected folder. */
const RELEASE_WITHIN_MS = 8_000

/** Returns the handlers of all commands that a view may send. A refusal is thrown as a UserError. */
export function commandHandlers(agent: Agent): CommandHandlers {
  // A person who changes settings has seen the notice about the earlier settings file.
  const context = createContext(agent, () => agent.notices.dismiss(UNUSED_SETTINGS))
  return {
    ...settingsCommands(context),
    snapshot: async () => agent.store.snapshot(),
    log: async () => ({ lines: await logLines(agent.layout.logs) }),
    addSource: (input) => runAction(() => protect(agent, context, input)),
    browse: ({ path: wanted }) => browse(agent, path.resolve(wanted ?? os.homedir())),
    restoreDirectory: async () => ({ path: path.join(os.homedir(), `holdfast-${formatDay(new Date())}`) }),
    receiveDirectory: async () => ({ path: path.join(os.homedir(), 'holdfast-received') }),
    previewFilters: ({ id, filters }) =>
      agent.scanner.request('preview', {
        source: { ...getSource(agent.settings.get(), id), ...filters },
        examples: PREVIEW_EXAMPLES,
      }),
    checkNow: () =>
      runAction(() => {
        // Comparing a large or hung source can take long. Its results appear in the state.
        if (agent.settings.get().sources.length > 0)
          agent.scanner
            .request('reconcile', {})
            .catch(ignoreError('a scanner that starts again compares all'))
        return agent.checker.request('checkNow', {})
      }),
    acceptDisk: ({ id }) => runAction(() => acceptDisk(agent, context, id)),
    retryParked: ({ id, file }) => runAction(() => agent.senders.requestAll('retry', { source: id, file })),
    heal: ({ id, identity }) => runAction(() => agent.healing.start(id, identity ?? null)),
    prove: ({ id }) => runAction(() => prove(agent, id)),
    deleteLocalCopies: () => runAction(() => deleteLocalCopies(agent)),
    ...heldSourceCommands(agent),
    ...alertCommands(agent),
    ...senderCommands(agent),
    ...restoreCommands(agent),
    dismissNotice: ({ id }) => runAction(() => agent.notices.dismiss(id)),
    checkHistory: (input) => agent.checker.request('history', input),
    day: async () => ({
      verdicts: await agent.checker.request('day', {}),
      sent: agent.sentHours.read(Date.now()),
      received: await readReceived(agent),
    }),
    report: (input) => agent.reports.answer(input),
    manifest: (input) => agent.manifests.answer(input),
    expected: ({ id, ...time }) => agent.scanner.request('expected', { source: id, ...time }),
    events: (input) => agent.events.read(input),
    testEventSink: ({ id }) => agent.events.test(id),
    files: ({ destination, ...query }) =>
      agent.senders.request('files', {
        ...query,
        destinations: destinationsOfList(agent, query.source).filter(
          (id) => destination === undefined || id === destination,
        ),
      }),
  }
}

/** @throws UserError refuse.noSuchDestination, prove.notConnected */
async function prove({ settings, senders }: Agent, id: string): Promise<void> {
  const destination = getDestination(settings.get().destinations, id)
  const { samples: _, ...usual } = destination
  // A person may ask where no samples are taken by themselves.
  const limits = toProofLimits(destination.samples?.filesPerDay === 0 ? usual : destination)
  const { started } = await senders.requestOf(id, 'prove', limits)
  if (!started) throw new UserError('prove.notConnected', { name: destination.name })
}

/** @throws UserError disk.noDisk, disk.notAcceptable */
function acceptDisk({ store: { state } }: Agent, context: SettingsContext, wanted: string): void {
  const facts = state.disks.all.find(({ id, name }) => id === wanted || name === wanted)
  if (facts === undefined) throw new UserError('disk.noDisk', { name: wanted })
  const counters = listAcceptable(facts, state.settings.acceptedDisks)
  if (Object.keys(counters).length === 0) throw new UserError('disk.notAcceptable', { name: facts.name })
  context.change((settings) => withAcceptedDisk(settings, facts.id, counters))
}

/** Returns the files that each sender has sent here by hour. */
async function readReceived({ receiver, store }: Agent): Promise<CommandOutput<'day'>['received']> {
  if (store.state.receiving?.isRunning !== true) return {}
  const nothing = ignoreError('a receiver that starts again counts anew', { received: {} })
  return (await receiver.request('day', {}).catch(nothing)).received
}

/** Lists the directories in a directory, which may hang: the checker reads it. */
async function browse({ checker }: Agent, directory: string): Promise<CommandOutput<'browse'>> {
  const parent = path.dirname(directory)
  const { names, isCut } = await checker.request('list', { path: directory })
  return { path: directory, parent: parent === directory ? null : parent, names, isCut }
}

/** Runs a command from outside, by its name. */
export async function answerNamed(
  handlers: CommandHandlers,
  command: string,
  input: unknown,
): Promise<unknown> {
  if (!Object.hasOwn(commands, command)) throw new UserError('agent.unknownCommand', { command })
  const name = command as keyof Commands
  return answerCommand(name, commands[name], handlers[name], input)
}

/**
 * Returns the services of a running agent for the commands that change settings.
 * @param changed is called after every change.
 */
function createContext(agent: Agent, changed: () => void): SettingsContext {
  const { settings, secrets, layout, host, proposals } = agent
  return {
    ...{ settings, secrets, layout, proposals, computerName: host.computerName },
    change: (update, entered) => {
      agent.change(update, entered)
      changed()
    },
    inspect: (path) => agent.checker.request('inspect', { path }),
    test: (input) => agent.senders.request('test', input),
    pair: (input) => agent.senders.request('pair', input),
    knownPoint: (destination) => agent.knownPoint(destination),
    isRestoring: (folder) =>
      agent.restores.isRestoring(folder) ||
      [agent.healing, agent.comparing].some((reader) => reader.isReading(folder.id)),
    release: async (folder) => {
      const closed = Promise.all([
        agent.restores.release(),
        agent.senders.release(folder.id),
        agent.checker
          .request('release', { path: getFolderDirectory(folder) })
          .catch(ignoreError('a checker that has ended has no file open')),
      ])
      return (await withTimeout(RELEASE_WITHIN_MS, closed)) !== LATE
    },
    restart: (destination) => agent.senders.restart(destination),
  }
}

/**
 * Adds a source that is named at every start. It leaves the notice about the settings file in place, because no person
 * has changed settings. A refusal becomes a notice.
 */
export async function protectDirectory(
  agent: Agent,
  input: CommandInput<'addSource'>,
): Promise<Message | null> {
  const context = createContext(agent, () => undefined)
  const recorder = agent.createRecorder({
    via: agent.host.kind === 'desktop' ? 'window' : 'terminal',
    name: getUserName(),
  })
  try {
    await recordCommand(recorder, 'addSource', input, () => protect(agent, context, input))
    return null
  } catch (error) {
    const sentence = toSentence(error)
    // `npm start -- DIR` names the same directory at every start, which is no mistake.
    if (sentence.key === 'refuse.already') return null
    // An incident of that source reports this until a person has chosen.
    if (sentence.key === 'refuse.linkMoved') return null
    agent.notices.add(refusedNotice(input.path), sentence)
    return sentence
  }
}

async function protect(
  agent: Agent,
  context: SettingsContext,
  input: CommandInput<'addSource'>,
): Promise<void> {
  await addSource(context, input)
  agent.notices.dismiss(refusedNotice(input.path))
}

const refusedNotice = (directory: string) => `refused:${path.resolve(directory)}`

/** Returns the handlers of the commands about sources whose files wait for a person's decision. */
function heldSourceCommands({ store, scanner, senders, restores, alerting }: Agent) {
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
  } satisfies Partial<CommandHandlers>
}

const noIncident = () => new UserError('alert.noIncident')

/** Returns the handlers of the commands about incidents and channels. */
function alertCommands(agent: Agent) {
  const { alerting, secrets: kept } = agent
  return {
    acknowledge: ({ id }) =>
      runAction(() => {
        if (!alerting.alerts.acknowledge(id, getActorName())) throw noIncident()
      }),
    snooze: ({ id, minutes }) =>
      runAction(() => {
        if (!alerting.alerts.snooze(id, minutes)) throw noIncident()
      }),
    testChannel: async ({ id }) => {
      const channel = agent.settings.get().alerts.channels.find((one) => one.id === id)
      if (channel !== undefined && kept.unreadable().includes(id))
        return { delivered: false, sentence: message('alert.secretsUnreadable', { name: channel.name }) }
      return alerting.notifier.test(id)
    },
    previewTemplate: async ({ type, template }) => {
      const { labels } = agent.settings.get().alerts
      const writer = { words: createWords(agent.language), computer: agent.host.computerName, labels }
      const now = Date.now()
      return { text: renderMessage('', exampleNotice('failed', now), writer, { type, template }, now).text }
    },
    timeline: (question) => alerting.timeline(question),
    evidence: async ({ id }) => ({ evidence: await alerting.evidence(id) }),
    changes: async (question) => toChangesPage(await alerting.notifier.changes(question)),
  } satisfies Partial<CommandHandlers>
}

/** Returns the handlers of the commands for the computers that send here. */
function senderCommands({ receiver }: Agent) {
  return {
    inviteSender: (input) => receiver.request('invite', input),
    readInvitation: (input) => receiver.request('readInvitation', input),
    renameSender: (input) => runAction(() => receiver.request('renameSender', input)),
    labelSender: (input) => runAction(() => receiver.request('labelSender', input)),
    revokeSender: (input) => runAction(() => receiver.request('revokeSender', input)),
    proposeSettings: (input) =>
      runAction(() => receiver.request('proposeSettings', { ...input, by: getActorName() })),
    withdrawProposals: (input) => runAction(() => receiver.request('withdrawProposals', input)),
  } satisfies Partial<CommandHandlers>
}

/** Returns the handlers of the commands that list destinations and restore files. */
function restoreCommands({ restores, settings }: Agent) {
  return {
    restoreComputers: (of) => restores.ask('computers', of, {}),
    async restoreFolders(of) {
      const { folders } = await restores.ask('folders', of, {})
      const known = new Set(settings.get().sources.map(({ id }) => id))
      const toKnownId = (source: string | null) => (source !== null && known.has(source) ? source : null)
      return { folders: folders.map(({ name, source }) => ({ name, source: toKnownId(source) })) }
    },
    restoreList: ({ destination, computer, ...asked }) =>
      restores.ask('list', { destination, computer }, { ...asked, sources: restores.listSources(computer) }),
    restoreSearch: ({ destination, computer, ...asked }) =>
      restores.ask(
        'search',
        { destination, computer },
        { ...asked, sources: restores.listSources(computer), most: MOST_FOUND },
      ),
    restoreVersions: ({ destination, computer, ...asked }) =>
      restores.ask('versions', { destination, computer }, asked),
    restoreStart: (input) => runAction(() => restores.start(input)),
    restoreKept: ({ conflict }) => runAction(() => restores.restoreKept(conflict)),
    restoreStop: () => runAction(() => restores.stop()),
  } satisfies Partial<CommandHandlers>
}

/** Returns the destinations of one source, or all. Files queued for a source's former destination no longer wait. */
function destinationsOfList({ store: { state } }: Agent, source: string | null): string[] {
  const one = state.sources.find(({ settings: { id } }) => id === source)
  return (one?.destinations ?? state.destinations).map(({ id }) => id)
}

import { randomUUID } from 'node:crypto'
import path from 'node:path'
import {
  refuseEmptyRange,
  sourceOf,
  withChanges,
  withoutChecked,
  withoutSource,
  withPause,
  withSourceChanged,
} from '../settings/changes.ts'
import { namedDestination } from '../settings/destinations.ts'
import { withImported } from '../settings/exchange.ts'
import { idOfPath } from '../settings/path-id.ts'
import { checkedPathSchema, type Settings, type Source, sourceSchema } from '../settings/schema.ts'
import { secretOwners } from '../settings/secrets.ts'
import { sourceName, uniqueName } from '../settings/source-name.ts'
import { Problem } from '../words/problem.ts'
import type { Agent } from './agent.ts'
import { alertCommands } from './alert-commands.ts'
import { answerCommand, change, outcomeOf } from './answering.ts'
import { type CommandHandlers, type CommandInput, type Commands, commands } from './contract.ts'
import { destinationCommands } from './destination-commands.ts'
import { logLines } from './log-lines.ts'
import { DONE, type Outcome } from './outcome.ts'
import { receivingCommands } from './receiving.ts'
import { restoreCommandHandlers } from './restore/commands.ts'
import { bringBack, sendAsItIs } from './restore/held.ts'
import { acceptPath, acceptSource, refusedSources } from './settings/accept-path.ts'
import { storesOf } from './settings/place-folder.ts'

/** Files that a preview names. */
const PREVIEW_EXAMPLES = 100

/** What every view may ask of the agent; a refusal is an outcome with a sentence, never an exception. */
export function commandHandlers(agent: Agent): CommandHandlers {
  const set = (update: (settings: Settings) => Settings) => change(agent, () => agent.change(update))
  return {
    snapshot: async () => agent.store.snapshot(),
    log: async () => ({ lines: await logLines(agent.layout.logs) }),
    addSource: (input) => change(agent, () => addSource(agent, input)),
    removeSource: ({ id }) => set((settings) => withoutSource(settings, id)),
    moveSource: (input) => change(agent, () => moveSource(agent, input)),
    pauseSource: ({ id, paused }) => set((settings) => withSourceChanged(settings, id, { paused })),
    changeSource: ({ id, changes }) => set((settings) => withSourceChanged(settings, id, changes)),
    previewFilters: ({ id, filters }) =>
      agent.scanner.request('preview', {
        source: { ...sourceOf(agent.settings.get(), id), ...filters },
        examples: PREVIEW_EXAMPLES,
      }),
    addCheckedPath: (input) => change(agent, () => addCheckedPath(agent, input.path)),
    removeCheckedPath: ({ id }) => set((settings) => withoutChecked(settings, id)),
    pause: ({ minutes }) => set((settings) => withPause(settings, minutes, Date.now())),
    resume: () => set((settings) => ({ ...settings, pause: null })),
    checkNow: () =>
      outcomeOf(() => {
        // Comparing a large or hung source takes as long as it takes; what it finds is seen in the state.
        agent.scanner.request('reconcile', {}).catch(() => undefined)
        return agent.checker.request('checkNow', {})
      }),
    retryParked: ({ id, file }) => outcomeOf(() => agent.senders.requestAll('retry', { source: id, file })),
    sendAsItIs: ({ id }) => outcomeOf(() => sendAsItIs(agent, id)),
    bringBack: ({ id }) => outcomeOf(() => bringBack(agent, id)),
    ...destinationCommands(agent),
    ...alertCommands(agent),
    ...receivingCommands(agent),
    ...restoreCommandHandlers(agent),
    changeSettings: (changes) => set((settings) => withChanges(settings, changes)),
    importSettings: (input) => change(agent, () => importSettings(agent, input.settings)),
    dismissNotice: ({ id }) => outcomeOf(() => agent.notices.dismiss(id)),
    checkHistory: (input) => agent.checker.request('history', input),
    files: ({ destination, ...query }) =>
      agent.senders.request('files', {
        ...query,
        destinations: destinationsOfList(agent, query.source).filter(
          (id) => destination === undefined || id === destination,
        ),
      }),
  }
}

/** A source that is named at every start: nobody has set anything anew by it, and a refusal is told as a notice. */
export async function protectDirectory(agent: Agent, input: CommandInput<'addSource'>): Promise<Outcome> {
  const answer = await outcomeOf(() => addSource(agent, input))
  // Naming a directory at every start is how `npm start -- DIR` is used: that is no mistake.
  if (answer.done || answer.sentence.key === 'refuse.already') return DONE
  agent.notices.add(refusedNotice(input.path), answer.sentence)
  return answer
}

const refusedNotice = (directory: string) => `refused:${path.resolve(directory)}`

/** A command from outside, by its name. */
export async function answerNamed(
  handlers: CommandHandlers,
  command: string,
  input: unknown,
): Promise<unknown> {
  if (!Object.hasOwn(commands, command)) throw new Problem('agent.unknownCommand', { command })
  const name = command as keyof Commands
  return answerCommand(name, commands[name], handlers[name], input)
}

/** What goes takes its secrets along. @throws Problem refuse.…, alert.channelInSettings; nothing is changed then. */
async function importSettings(agent: Agent, imported: Settings): Promise<void> {
  const [refusal] = refusedSources(imported.sources, storesOf(imported, agent.layout)).values()
  if (refusal !== undefined) throw new Problem(refusal.key, refusal.params)
  agent.change((settings) => withImported(settings, imported))
  await agent.secrets.keepOnly(secretOwners(agent.settings.get()))
}

async function addSource(agent: Agent, input: CommandInput<'addSource'>): Promise<void> {
  const wanted = absolute(input.path)
  const facts = await agent.checker.request('inspect', { path: wanted })
  const { sources } = agent.settings.get()
  const same = sources.find((one) => one.path === facts.real)
  if (same !== undefined && !isAsAsked(same, input))
    throw new Problem('refuse.alreadyOtherwise', { path: wanted, name: same.name })
  const real = acceptSource(wanted, facts, { sources, stores: storesOf(agent.settings.get(), agent.layout) })
  const { path: _, kind, prefix, to, ...filters } = input
  const known = agent.settings.get().destinations
  const destinations = to?.map((name) => namedDestination(known, name).id) ?? null
  const source = sourceSchema.parse({
    id: freeId(real, sources),
    path: real,
    name: uniqueName(sourceName(real), sources),
    kind: kind ?? 'continuous',
    batch: { prefix: prefix ?? '' },
    // The marks of batches are written there.
    write: facts.mayWrite || kind === 'batch',
    destinations,
    ...filters,
  })
  refuseEmptyRange(source)
  // What is protected is checked, too: it is not there a second time.
  agent.change((settings) => ({
    ...settings,
    sources: [...settings.sources, source],
    checkedPaths: settings.checkedPaths.filter((one) => one.path !== real && one.id !== source.id),
  }))
  agent.notices.dismiss(refusedNotice(wanted))
}

/** A source that was moved has the id of the path that it had. */
function freeId(real: string, sources: readonly Source[]): string {
  const id = idOfPath(real)
  return sources.some((one) => one.id === id) ? randomUUID() : id
}

async function moveSource(agent: Agent, { id, path: given }: CommandInput<'moveSource'>): Promise<void> {
  const wanted = absolute(given)
  const facts = await agent.checker.request('inspect', { path: wanted })
  const settings = agent.settings.get()
  const { path: before, name } = sourceOf(settings, id)
  const others = settings.sources.filter((one) => one.id !== id)
  const real = acceptSource(wanted, facts, { sources: others, stores: storesOf(settings, agent.layout) })
  if (real === before) throw new Problem('refuse.already', { path: wanted, name })
  agent.change((now) => ({
    ...now,
    sources: now.sources.map((one) =>
      one.id === id ? { ...one, path: real, write: facts.mayWrite || one.kind === 'batch' } : one,
    ),
    checkedPaths: now.checkedPaths.filter((one) => one.path !== real),
  }))
}

/** Whether a source is what somebody wants it to be, who may have said nothing of it. */
function isAsAsked({ kind, batch, oneFileSystem }: Source, asked: CommandInput<'addSource'>): boolean {
  const isAsMounted = (asked.oneFileSystem ?? oneFileSystem) === oneFileSystem
  return isAsMounted && (asked.kind ?? kind) === kind && (asked.prefix ?? batch.prefix) === batch.prefix
}

async function addCheckedPath(agent: Agent, given: string): Promise<void> {
  const wanted = absolute(given)
  const facts = await agent.checker.request('inspect', { path: wanted })
  const real = acceptPath(wanted, facts)
  const { sources, checkedPaths } = agent.settings.get()
  if ([...sources, ...checkedPaths].some((one) => one.path === real)) {
    throw new Problem('refuse.alreadyChecked', { path: wanted })
  }
  const added = checkedPathSchema.parse({ id: idOfPath(real), path: real, write: facts.mayWrite })
  agent.change((settings) => ({ ...settings, checkedPaths: [...settings.checkedPaths, added] }))
}

function absolute(given: string): string {
  if (!path.isAbsolute(given)) throw new Problem('refuse.relative', { path: given })
  return path.normalize(given)
}

/** A source's own: what waited for another one before waits no more. */
function destinationsOfList({ store: { state } }: Agent, source: string | null): string[] {
  const one = state.sources.find(({ settings: { id } }) => id === source)
  return (one?.destinations ?? state.destinations).map(({ id }) => id)
}

import { existsSync } from 'node:fs'
import { Agent } from '../../core/agent/agent.ts'
import { answerNamed, commandHandlers } from '../../core/agent/commands.ts'
import type { Commands } from '../../core/agent/contract.ts'
import type { SettingsContext } from '../../core/agent/settings-context.ts'
import { getOwnPaths } from '../../core/agent/workers/configs.ts'
import { TEST_MS } from '../../core/backends/connection-test.ts'
import { testDestination } from '../../core/backends/open.ts'
import { pairWithReceiver } from '../../core/backends/receiver/receiver.ts'
import { inspectPath } from '../../core/check/inspect.ts'
import { defer, deferAsync } from '../../core/defer.ts'
import { forgetAll } from '../../core/ledger/background-jobs.ts'
import { emptyLedger, openOrExplain, readLedger } from '../../core/ledger/ledger.ts'
import { LATE, withTimeout } from '../../core/lib/async/timing.ts'
import { toSentence, UserError } from '../../core/lib/i18n/user-error.ts'
import { setProxy } from '../../core/lib/network/tunnel.ts'
import { loadIdentity } from '../../core/protocol/identity.ts'
import { examine } from '../../core/scan/preview/examine.ts'
import { createDataDirectory, lockData, unusableData } from '../../core/settings/data-directory.ts'
import { openProxyRoute } from '../../core/settings/proxy.ts'
import type { Settings } from '../../core/settings/schema.ts'
import { openSettings } from '../../core/settings/settings-store.ts'
import { OwnPlaces } from '../../core/walk/own-places.ts'
import { terminalWords } from '../terminal/terminal-words.ts'
import { terminalHost } from '../terminal-host.ts'
import { recordAlone } from './record-alone.ts'

// Answers a command while no agent runs, by an agent in this process. It is never started: it watches, checks, sends and
// notifies nothing, and listens for no commands.

const PAIR_WITHIN_MS = 20_000
/** As long as a running agent waits for its checker. */
const INSPECT_WITHIN_MS = 15_000

/** A command with its input. */
export interface AskedCommand {
  command: keyof Commands
  input: unknown
}

/** Opens the agent of a data directory. The caller has the lock if the command changes something. */
function openOwnAgent(directory: string): Agent {
  const layout = createDataDirectory(directory)
  const host = {
    ...terminalHost(console.error),
    kind: 'command' as const,
    ...{ alertStoreThread: null, eventThread: null, reportThread: null },
  }
  const agent = new Agent(layout, openSettings(directory, 'refuse'), host, () => undefined)
  setProxy(openProxyRoute(agent.settings.get().proxy, agent.secrets))
  agent.show()
  return agent
}

function answer(agent: Agent, { command, input }: AskedCommand): Promise<unknown> {
  return answerNamed(commandHandlers(agent, withoutWorkers(agent)), command, input)
}

/** Returns the services that a running agent has from its checker and its senders. */
function withoutWorkers({
  layout,
  settings,
  host: { computerName: name },
}: Agent): Pick<SettingsContext, 'inspect' | 'examine' | 'test' | 'pair'> {
  const loadOwn = () =>
    loadIdentity(layout.identity).catch((error: unknown) => {
      throw unusableData(layout.directory, error)
    })
  return {
    inspect: async (path) => {
      const facts = await withTimeout(INSPECT_WITHIN_MS, inspectPath(path))
      if (facts === LATE) throw new UserError('agent.workerSilent', { worker: 'checker' })
      return facts
    },
    examine: async (asked) => {
      const now = settings.get()
      const ledger = readLedger(layout.ledger) ?? emptyLedger
      const own = new OwnPlaces(getOwnPaths(now, layout))
      const { quietSeconds } = now.scan
      return examine(asked, { ledger, own, quietSeconds }).finally(ledger.close)
    },
    test: async ({ destination, ...given }) =>
      testDestination(destination, {
        ...{ ...given, name, identity: await loadOwn() },
        signal: AbortSignal.timeout(TEST_MS),
      }),
    pair: async ({ code, name: asName }) =>
      pairWithReceiver(code, asName, await loadOwn(), AbortSignal.timeout(PAIR_WITHIN_MS)),
  }
}

/** Answers a command that changes nothing. */
export async function askOwnAgent(directory: string, asked: AskedCommand): Promise<unknown> {
  const agent = openOwnAgent(directory)
  return answer(agent, asked).finally(() => agent.stop())
}

/**
 * Answers a command that changes the settings, while no other agent can start.
 * @param asked builds the command from the present settings.
 * @returns the settings afterwards, and the command's output; null: another agent, or a command, is at work.
 * @throws as the command
 */
export async function changeByOwnAgent(
  directory: string,
  asked: (settings: Settings) => AskedCommand,
): Promise<{ settings: Settings; output: unknown } | null> {
  const { alerts, ledger } = createDataDirectory(directory)
  const lock = lockData(directory)
  if (lock === null) return null
  using _lock = defer(() => lock.release())
  const agent = openOwnAgent(directory)
  await using _agent = deferAsync(() => agent.stop())
  const before = agent.settings.get()
  const command = asked(before)
  const known = agent.store.state
  const output = await recordAlone(alerts, known, command.command, command.input, () =>
    answer(agent, command),
  )
  const settings = agent.settings.get()
  const gone = before.sources.filter(({ id }) => !settings.sources.some((one) => one.id === id))
  for (const { id } of gone) await forgetSent(ledger, id)
  return { settings, output }
}

/** Clears the source's ledger entries as a running sender does on removal: protected again, all of it is offered again. */
async function forgetSent(file: string, source: string): Promise<void> {
  if (!existsSync(file)) return
  try {
    const ledger = openOrExplain(file)
    using _ = defer(() => ledger.close())
    await forgetAll(ledger, source, () => true)
  } catch (error) {
    // The source is removed in any case; the leftover entries only take space.
    console.error(terminalWords(toSentence(error)))
  }
}

import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { answerCommand } from '../core/agent/answering.ts'
import { commands } from '../core/agent/contract.ts'
import { openKnownMounts } from '../core/agent/known-mounts.ts'
import { openProposalStore } from '../core/agent/proposals.ts'
import { noteSettings } from '../core/agent/recording.ts'
import { settingsCommands } from '../core/agent/settings-commands.ts'
import type { SettingsContext } from '../core/agent/settings-context.ts'
import { TEST_MS } from '../core/backends/connection-test.ts'
import { testDestination } from '../core/backends/open.ts'
import { pairWithReceiver } from '../core/backends/receiver/receiver.ts'
import { inspectPath } from '../core/check/inspect.ts'
import { forgetAll } from '../core/ledger/background-jobs.ts'
import { openOrExplain } from '../core/ledger/ledger.ts'
import { toSentence, UserError } from '../core/lib/i18n/user-error.ts'
import { setProxy } from '../core/lib/network/tunnel.ts'
import { loadIdentity } from '../core/protocol/identity.ts'
import { lockData, openDataDirectory, unusableData } from '../core/settings/data-directory.ts'
import { openProxyRoute } from '../core/settings/proxy.ts'
import type { Settings } from '../core/settings/schema.ts'
import { openSecrets, saveSettings } from '../core/settings/secrets.ts'
import { openSettings } from '../core/settings/settings-store.ts'
import { recordAlone } from './record-alone.ts'
import { terminalWords } from './terminal-words.ts'

// Commands about the settings while no agent runs: this process does what the agent would.

const PAIR_WITHIN_MS = 20_000

/** A command about the settings. */
export interface SettingsCommand {
  command: keyof ReturnType<typeof settingsCommands>
  input: unknown
}

function openContext(directory: string): SettingsContext {
  const layout = openDataDirectory(directory)
  const settings = openSettings(directory, 'refuse')
  const secrets = openSecrets(directory, null)
  setProxy(openProxyRoute(settings.get().proxy, secrets))
  const computerName = hostname() || 'Holdfast'
  const identity = () =>
    loadIdentity(layout.identity).catch((error: unknown) => {
      throw unusableData(directory, error)
    })
  return {
    ...{ settings, layout, computerName },
    secrets,
    proposals: openProposalStore(layout.proposals, false),
    change: (update, entered) => {
      const { before, next } = saveSettings(settings, secrets, update, entered)
      noteSettings(before, next)
    },
    inspect: inspectPath,
    test: async ({ destination, ...given }) => {
      const signal = AbortSignal.timeout(TEST_MS)
      return testDestination(destination, {
        ...given,
        identity: await identity(),
        name: computerName,
        signal,
      })
    },
    pair: async ({ code, name }) =>
      pairWithReceiver(code, name, await identity(), AbortSignal.timeout(PAIR_WITHIN_MS)),
    knownPoint: (id) => openKnownMounts(directory, true).knownMounts()[id]?.mount.point ?? null,
    isRestoring: () => false,
    release: () => Promise.resolve(true),
    restart: () => undefined,
  }
}

function answer(context: SettingsContext, { command, input }: SettingsCommand): Promise<unknown> {
  return answerCommand(command, commands[command], settingsCommands(context)[command], input)
}

/** Runs a command that changes nothing, without an agent. */
export const answerAlone = (directory: string, asked: SettingsCommand): Promise<unknown> =>
  answer(openContext(directory), asked)

/**
 * Runs a command that changes the settings, while no agent can start.
 * @returns the settings afterwards, and the command's output.
 */
export async function changeAlone(
  directory: string,
  asked: (settings: Settings) => SettingsCommand,
): Promise<{ settings: Settings; output: unknown }> {
  openDataDirectory(directory)
  const lock = lockData(directory)
  // An agent has just started, and would overwrite these changes.
  if (lock === null) throw new UserError('agent.starting')
  try {
    const context = openContext(directory)
    const before = context.settings.get()
    const command = asked(before)
    const known = { settings: before }
    const output = await recordAlone(context.layout.alerts, known, command.command, command.input, () =>
      answer(context, command),
    )
    const after = context.settings.get()
    const gone = before.sources.filter(({ id }) => !after.sources.some((one) => one.id === id))
    for (const { id } of gone) await forgetSent(context, id)
    return { settings: after, output }
  } finally {
    lock.release()
  }
}

/** Clears the source's ledger entries as the sender does on removal: protected again, all of it is offered again. */
async function forgetSent({ layout: { ledger: file } }: SettingsContext, source: string): Promise<void> {
  if (!existsSync(file)) return
  try {
    const ledger = openOrExplain(file)
    try {
      await forgetAll(ledger, source, () => true)
    } finally {
      ledger.close()
    }
  } catch (error) {
    // The source is removed in any case; the leftover entries only take space.
    console.error(terminalWords(toSentence(error)))
  }
}

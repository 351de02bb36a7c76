import path from 'node:path'
import type { Command } from 'commander'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { type OpenAgent, openAgent, type StartOptions } from '../../core/agent/open.ts'
import { ignoreError } from '../../core/dropped-errors.ts'
import type { Message } from '../../core/lib/i18n/message.ts'
import { toSentence, UserError } from '../../core/lib/i18n/user-error.ts'
import { joinSentences } from '../../core/lib/i18n/words.ts'
import type { ShownSettings } from '../../core/settings/schema.ts'
import { resolveDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { askState, settingsNow } from '../ask/settings-change.ts'
import { linkLines } from '../folders/folder-lines.ts'
import { omitUndefined } from '../terminal/omit-undefined.ts'
import { collectPaths } from '../terminal/path-words.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'
import { terminalHost } from '../terminal-host.ts'
import { offerLink, printLink } from './page-link.ts'

interface AgentOptions {
  data?: string
  batch?: boolean
  prefix?: string
  oneFileSystem?: boolean
}

/** `holdfast agent`: runs everything that the desktop application does, in a terminal or as a service. */
export function registerAgent(program: Command): void {
  const command = program
    .command('agent')
    .description('watch, check and send without a desktop, until it is stopped')
    .argument('[folder...]', 'folders to protect, besides those in the settings', collectPaths)
    .option('--batch', 'they hold batch folders with finished.parse and finished.watch marks')
    .option('--prefix <prefix>', 'as --batch, only child folders whose name begins with this')
    .option('--one-file-system', 'leave out other file systems mounted inside them (find -xdev)')
  withDataDirectory(command).action(runAgent)
}

async function runAgent(given: string[], options: AgentOptions): Promise<void> {
  const dataDirectory = resolveDataDirectory(options)
  const directories = given.map((directory) => path.resolve(directory))
  const as = toStartOptions(options)
  const say = (line: string) => console.log(`${new Date().toTimeString().slice(0, 8)} ${line}`)
  const host = terminalHost(say)
  const open = await openAgent(dataDirectory, host).catch((error) => {
    if (error instanceof UserError && error.sentence.key === 'agent.alreadyRunning') return null
    throw error
  })
  if (open === null) {
    await refuseOnce(dataDirectory)
    const refusals = await handOver(dataDirectory, directories, as)
    for (const refusal of refusals) console.error(terminalWords(refusal))
    const about = { directory: dataDirectory }
    if (directories.length > refusals.length) {
      say(translate('cli.handedOver', about))
      sayLinks(await settingsNow(dataDirectory), directories)
    } else console.error(translate('agent.alreadyRunning', about))
    await printLink(dataDirectory)
    if (refusals.length > 0 || directories.length === 0) process.exitCode = 1
    return
  }
  say(translate('cli.terminal', { directory: dataDirectory }))
  stopOnSignal(open, () => say(translate('cli.stopped')))
  for (const { sentence } of open.agent.store.state.notices) console.error(terminalWords(sentence))
  let isAdding = directories.length > 0
  publishStatus(open, say, () => isAdding)
  void offerLink(dataDirectory)
  const refusals = await open.protect(directories, as)
  isAdding = false
  sayLinks(open.agent.settings.get(), directories)
  for (const refusal of refusals) console.error(terminalWords(refusal))
  if (refusals.length > 0 && open.agent.settings.get().sources.length === 0) {
    await open.close()
    process.exit(2)
  }
}

/** Prints which directories are protected in place of the links among `given`. */
function sayLinks({ sources }: ShownSettings, given: readonly string[]): void {
  for (const source of sources)
    if (source.link !== null && given.includes(source.link))
      for (const line of linkLines(source)) console.log(line)
}

/** Without an option the settings of directories that are already protected stay unchanged. */
function toStartOptions({ batch = false, prefix, oneFileSystem }: AgentOptions): StartOptions {
  const isBatch = batch || prefix !== undefined
  return omitUndefined({ ...(isBatch && { kind: 'batch' as const, prefix: prefix ?? '' }), oneFileSystem })
}

/** Refuses to start beside a one-shot run, which takes no directories, even if there are none to hand over. */
async function refuseOnce(dataDirectory: string): Promise<void> {
  const starting = 'an agent that starts or ends answers when a folder is handed over'
  const running = await askState(dataDirectory).catch(ignoreError(starting, null))
  if (running?.host === 'once') throw new UserError('agent.sendingOnce', { directory: dataDirectory })
}

/** Hands the directories over to the running agent; returns why it refused some of them. */
async function handOver(dataDirectory: string, directories: string[], as: StartOptions): Promise<Message[]> {
  const refusals: Message[] = []
  for (const directory of directories) {
    try {
      await sendCommand(dataDirectory, 'addSource', { path: directory, ...as })
    } catch (error) {
      const refusal = toSentence(error)
      if (refusal.key !== 'refuse.already') refusals.push(refusal)
    }
  }
  return refusals
}

/**
 * Prints one line when the status sentence changes. Changes of ages and counts alone are skipped, and so is "nothing
 * protected yet" while the first directory is being added.
 */
function publishStatus({ agent }: OpenAgent, say: (line: string) => void, isAdding: () => boolean): void {
  let said = ''
  const show = () => {
    const { status } = agent.store.state
    if (status.sentence.key === said) return
    if (status.sentence.key === 'status.nothingYet' && isAdding()) return
    said = status.sentence.key
    const { sentence, detail, failure, more = [] } = status
    const all = failure === undefined || detail === null ? [sentence] : [sentence, detail, ...more]
    say(joinSentences(all, terminalWords))
  }
  agent.store.subscribe(show)
  show()
}

function stopOnSignal(open: OpenAgent, stopped: () => void): void {
  let stopping = false
  const stop = () => {
    if (stopping) return
    stopping = true
    void open.close().finally(() => {
      stopped()
      process.exit(0)
    })
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
}

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { ComputerState } from '../../core/agent/state/schema.ts'
import { toSentence, UserError } from '../../core/lib/i18n/user-error.ts'
import { errorCode } from '../../core/platform/system-error.ts'
import { inData, withDataDirectory } from '../ask/data-directory.ts'
import { changeSettings, runningState, settingsIn } from '../ask/settings-change.ts'
import { tableLines } from '../terminal/columns.ts'
import { jsonText } from '../terminal/json.ts'
import { quoteControls } from '../terminal/quote-controls.ts'
import { askSecret, askWhether, secretsInEnvironment } from '../terminal/secret-words.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'

interface AddOptions {
  tokenFile?: string
  certificate?: string
  name?: string
}

/** `holdfast computers`: lists and edits the other computers that the agent watches by their web pages. */
export function registerComputers(program: Command): void {
  const computers = program
    .command('computers')
    .description('list, add and remove other computers, whose failures are shown and notified here')
    .option('--json', 'print the list as JSON')
  withDataDirectory(computers).action(inData(list))
  withDataDirectory(
    computers
      .command('add')
      .description(
        'watch the computer with this web page (holdfast settings web on), or enter its token anew; its token is asked for, or taken from HOLDFAST_TOKEN',
      )
      .argument('<address>', 'the address of its web page, such as https://station:8420/')
      .option('--token-file <file>', "a file with the token; '-': standard input")
      .option('--certificate <fingerprint>', 'the fingerprint that `holdfast settings web` prints there')
      .option('--name <name>', 'its name here (default: its own)'),
  ).action(inData(add))
  withDataDirectory(
    computers
      .command('remove')
      .description('stop watching a computer and forget its token')
      .argument('<name>', 'its name'),
  ).action(inData(remove))
}

async function list(directory: string, { json }: { json?: boolean }): Promise<void> {
  const agent = await runningState(directory)
  const { computers } = settingsIn(agent, directory)
  const rows = computers.map((one) => ({ ...one, ...agent?.computers.find(({ id }) => id === one.id) }))
  if (json) return console.log(jsonText(rows, 2))
  if (rows.length === 0) console.log(translate('cli.computers.none'))
  const lines = rows.map(({ name, address, connection, status }) => [
    quoteControls(name),
    address,
    connection === undefined ? '–' : describeComputer({ connection, status: status ?? null }),
  ])
  for (const line of tableLines(lines)) console.log(line)
}

/** Formats a computer's own sentence, or why there is none. */
export function describeComputer({
  connection,
  status,
}: Pick<ComputerState, 'connection' | 'status'>): string {
  if (connection.state === 'connected' && status !== null) return terminalWords(status.sentence)
  return connection.problem === null
    ? translate('window.connection.connecting')
    : terminalWords(connection.problem)
}

async function add(
  directory: string,
  address: string,
  { tokenFile, certificate: given, name }: AddOptions,
): Promise<void> {
  const token = tokenFile === undefined ? await getToken() : readToken(tokenFile)
  /** Returns the fingerprint of a certificate that has to be confirmed; null: the computer is added. */
  const tryAdding = async (certificate: string | null): Promise<string | null> => {
    const input = { address, token, certificate, ...(name !== undefined && { name }) }
    try {
      await changeSettings(directory, () => ({ command: 'addComputer', input }))
      return null
    } catch (error) {
      const { key, params } = toSentence(error)
      if (key !== 's3.untrusted' || !params.fingerprint) throw error
      return String(params.fingerprint)
    }
  }
  const certificate = await tryAdding(given?.replaceAll(':', '').toLowerCase() ?? null)
  if (certificate === null) return console.log(translate('cli.computers.added', { address }))
  const isRight = await askWhether(['cli.computers.certificateAsked', { address, certificate }])
  if (isRight !== true) {
    console.error(translate('cli.computers.certificate', { address, certificate }))
    process.exitCode = 1
    return
  }
  await tryAdding(certificate)
  console.log(translate('cli.computers.added', { address }))
}

async function remove(directory: string, name: string): Promise<void> {
  await changeSettings(directory, ({ computers: all }) => ({
    command: 'removeComputer',
    input: { id: all.find((one) => one.name === name)?.id ?? name },
  }))
  console.log(translate('cli.computers.removed', { name }))
}

const getToken = async (): Promise<string> =>
  secretsInEnvironment(['token']).token ?? (await askSecret('token')).trim()

function readToken(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').trim()
  } catch (error) {
    const reason = errorCode(error) ?? String(error)
    throw new UserError('check.tokenUnreadable', { path: file, reason }, { cause: error })
  }
}

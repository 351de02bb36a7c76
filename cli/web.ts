import { isIP } from 'node:net'
import { type Command, InvalidArgumentError } from 'commander'
import type { AppState } from '../core/agent/state/schema.ts'
import { type WebRole, type WebToken, webSettingsSchema } from '../core/settings/schema.ts'
import { tableLines } from './columns.ts'
import { getDataDirectory, withDataDirectory } from './data-directory.ts'
import { jsonText } from './json.ts'
import { localTime } from './moment.ts'
import { askForChange, changeSettings, runningState, settingsIn } from './settings-change.ts'
import { terminalWords, translate } from './terminal-words.ts'

interface OnOptions {
  host?: string
  port?: number
  name?: string[]
}

/** How long `web on` waits for the agent to listen, in milliseconds. */
const LISTEN_WITHIN_MS = 5_000
const LOOK_EVERY_MS = 50

/** `holdfast web`: the window as a web page, for computers without a desktop. */
export function registerWeb(program: Command): void {
  const web = program
    .command('web')
    .description('show, start or stop the web page of the agent: the window in a browser')
    .option('--json', 'print the page and its tokens as JSON')
  withDataDirectory(web).action((options: { json?: boolean }, self: Command) =>
    show(getDataDirectory(self), options.json ?? false),
  )
  withDataDirectory(
    web
      .command('on')
      .description('serve the page while the agent runs; options that are not given stay as they are')
      .option(
        '--host <address>',
        'address to listen on: 127.0.0.1 (default: this computer alone), 0.0.0.0 (all networks, with TLS)',
        parseAddress,
      )
      .option('--port <port>', 'port to listen on (default: 8420)', parsePort)
      .option('--name <name...>', 'host names of this computer that browsers may use, besides IP addresses'),
  ).action((options: OnOptions, self: Command) => turnOn(getDataDirectory(self), options))
  withDataDirectory(web.command('off').description('stop serving the page; the tokens stay')).action(
    (_options: object, self: Command) => turnOff(getDataDirectory(self)),
  )
  registerTokens(web)
}

function registerTokens(web: Command): void {
  const token = web.command('token').description('create or remove a token, with which a browser signs in')
  withDataDirectory(
    token
      .command('add')
      .description('create a token and print it; it cannot be shown again')
      .argument('<name>', 'a name for it, such as that of a person')
      .option('--viewer', 'it may see everything and change nothing')
      .option('--json', 'print the token as JSON'),
  ).action((name: string, options: { viewer?: boolean; json?: boolean }, self: Command) =>
    addToken(getDataDirectory(self), name, options.viewer ? 'viewer' : 'operator', options.json ?? false),
  )
  withDataDirectory(
    token
      .command('remove')
      .description('remove a token; browsers that use it are signed out')
      .argument('<name>', 'its name'),
  ).action(async (name: string, _options: object, self: Command) => {
    await changeSettings(getDataDirectory(self), () => ({ command: 'removeWebToken', input: { id: name } }))
    console.log(translate('cli.web.tokenRemoved', { name }))
  })
}

function parseAddress(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError('It must be an IP address of this computer.')
  return text
}

function parsePort(text: string): number {
  const parsed = webSettingsSchema.shape.port.safeParse(Number(text))
  if (!parsed.success) throw new InvalidArgumentError('It must be a whole number from 1 to 65535.')
  return parsed.data
}

async function show(directory: string, json: boolean): Promise<void> {
  const agent = await runningState(directory)
  const { web: settings, webTokens } = settingsIn(agent, directory)
  const tokens = webTokens.map(({ digest: _, ...shown }) => shown)
  if (json) {
    const { address, certificate, problem } = agent?.web ?? {
      address: null,
      certificate: null,
      problem: null,
    }
    return console.log(jsonText({ settings, address, certificate, problem, tokens }, 2))
  }
  if (!settings.on) console.log(translate('cli.web.off'))
  else if (agent?.web?.problem) console.log(terminalWords(agent.web.problem))
  else if (agent?.web?.address) printAddress(agent.web)
  else console.log(translate('cli.web.noAgent'))
  printTokens(tokens)
}

function printAddress({ address, certificate }: NonNullable<AppState['web']>): void {
  console.log(address)
  if (certificate !== null) console.log(translate('cli.web.certificate', { certificate }))
}

function printTokens(tokens: readonly Omit<WebToken, 'digest'>[]): void {
  const rows = tokens.map(({ name, role, createdAt }) => [
    name,
    translate(`cli.web.${role}`),
    localTime(createdAt),
  ])
  for (const line of tableLines(rows)) console.log(line)
}

async function turnOn(directory: string, { host, port, name }: OnOptions): Promise<void> {
  const names = name?.map((one) => one.toLowerCase())
  const { webTokens } = await changeSettings(directory, () => ({
    command: 'changeSettings',
    input: { web: { on: true, host, port, names } },
  }))
  const started = await waitUntilServed(directory)
  if (started?.problem) {
    console.error(terminalWords(started.problem))
    process.exitCode = 1
    return
  }
  if (started === null) console.log(translate('cli.web.noAgent'))
  else printAddress(started)
  if (webTokens.length === 0) console.log(translate('cli.web.noTokens'))
}

/** Returns the state of the page once the agent serves it, or cannot; null: no agent runs. */
async function waitUntilServed(directory: string) {
  const deadline = performance.now() + LISTEN_WITHIN_MS
  for (;;) {
    const agent = await runningState(directory)
    if (agent === null) return null
    const { web } = agent
    if (web !== null && (web.address !== null || web.problem !== null)) return web
    if (performance.now() > deadline) return null
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

async function turnOff(directory: string): Promise<void> {
  await changeSettings(directory, () => ({ command: 'changeSettings', input: { web: { on: false } } }))
  console.log(translate('cli.web.off'))
}

async function addToken(directory: string, name: string, role: WebRole, json: boolean): Promise<void> {
  const { output } = await askForChange(directory, () => ({
    command: 'addWebToken',
    input: { name, role },
  }))
  const { token } = output as { token: string }
  if (json) return console.log(jsonText({ name, role, token }))
  console.log(token)
}

import { isIP } from 'node:net'
import path from 'node:path'
import { Argument, type Command, InvalidArgumentError, Option } from 'commander'
import type { AppState } from '../../core/agent/state/schema.ts'
import {
  type WebProxy,
  type WebRole,
  type WebToken,
  webProxySchema,
  webRoles,
  webSettingsSchema,
} from '../../core/settings/schema.ts'
import { inData, withDataDirectory } from '../ask/data-directory.ts'
import { askForChange, awaitState, changeSettings, runningState, settingsIn } from '../ask/settings-change.ts'
import { tableLines } from '../terminal/columns.ts'
import { jsonText } from '../terminal/json.ts'
import { localTime } from '../terminal/moment.ts'
import { omitUndefined } from '../terminal/omit-undefined.ts'
import { parserBy } from '../terminal/option-words.ts'
import { terminalWords, translate } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import { askForLink, pageLinkLines } from './page-link.ts'

interface OnOptions {
  host?: string
  port?: number
  name?: string[]
  socket?: string
  /** false: --no-proxy */
  proxy?: string[] | false
  userHeader?: string
  userRole?: WebRole
  operator?: string[]
}

interface JsonOption {
  json?: boolean
}

/** `holdfast settings web`: the window as a web page, for computers without a desktop. */
export function registerWeb(settings: Command): void {
  const web = settings
    .command('web')
    .description('show, start or stop the web page of the agent: the window in a browser')
    .option('--json', 'print the page and its tokens as JSON')
  withDataDirectory(web).action(inData(show))
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
      .option('--name <name...>', 'host names of this computer that browsers may use, besides IP addresses')
      .addOption(
        new Option(
          '--socket <path>',
          'Unix socket to listen on instead, for a reverse proxy on this computer; --host or --port goes back',
        )
          .argParser(parseSocket)
          .conflicts(['host', 'port']),
      )
      .option(
        '--proxy <address...>',
        "reverse proxies whose X-Forwarded headers are honoured: addresses, networks (10.0.0.0/24), 'unix' (the socket)",
        parseProxies,
      )
      .option('--no-proxy', 'honour no reverse proxy')
      .option(
        '--user-header <name>',
        'header in which these proxies name the user that they have signed in, who then needs no token',
        parseHeader,
      )
      .addOption(
        new Option('--user-role <role>', 'access of these users (default: viewer)').choices(webRoles),
      )
      .option('--operator <user...>', 'users that are operators, whatever the role of the others'),
  ).action(inData(turnOn))
  withDataDirectory(web.command('off').description('stop serving the page; the tokens stay')).action(
    inData(turnOff),
  )
  withDataDirectory(
    web
      .command('link')
      .description('print a link that signs in a browser of this computer, once within ten minutes')
      .addArgument(
        new Argument('[allowed]', 'allow such links (default), or end them with their sessions').choices([
          'on',
          'off',
        ]),
      )
      .option('--json', 'print the link, or if links are allowed, as JSON'),
  ).action(inData(link))
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
  ).action(inData(addToken))
  withDataDirectory(
    token
      .command('remove')
      .description('remove a token; browsers that use it are signed out')
      .argument('<name>', 'its name'),
  ).action(inData(removeToken))
}

function parseAddress(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError('It must be an IP address of this computer.')
  return text
}

const parsePort = parserBy(webSettingsSchema.shape.port, 'a whole number from 1 to 65535')
const parseHeader = parserBy(
  webProxySchema.shape.userHeader,
  'the name of a header, such as X-Remote-User',
  (text) => text,
)

function parseSocket(text: string): string {
  const parsed = webSettingsSchema.shape.socket.safeParse(path.resolve(text))
  if (!parsed.success || parsed.data === null)
    throw new InvalidArgumentError('The path is too long for a socket: at most 103 bytes.')
  return parsed.data
}

function parseProxies(text: string, before: string[] | false = []): string[] {
  const parsed = webProxySchema.shape.addresses.safeParse(text.split(',').filter(Boolean))
  if (!parsed.success)
    throw new InvalidArgumentError("It must be an IP address, a network such as 10.0.0.0/24, or 'unix'.")
  return [...(before || []), ...parsed.data]
}

async function show(directory: string, { json }: JsonOption): Promise<void> {
  const agent = await runningState(directory)
  const { web: settings, webTokens } = settingsIn(agent, directory)
  const tokens = webTokens.map(({ id, name, role, createdAt }) => ({ id, name, role, createdAt }))
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
  printProxy(settings.proxy)
  printTokens(tokens)
}

function printAddress({ address, certificate }: NonNullable<AppState['web']>): void {
  console.log(address)
  if (certificate !== null) console.log(translate('cli.web.certificate', { certificate }))
}

function printProxy({ addresses, userHeader, role, operators }: WebProxy): void {
  if (addresses.length === 0) return
  console.log(translate('cli.web.proxies', { addresses: addresses.join(', ') }))
  if (userHeader === null) return
  console.log(translate('cli.web.users', { header: userHeader, role: translate(`cli.web.${role}`) }))
  if (operators.length > 0) console.log(translate('cli.web.operators', { users: operators.join(', ') }))
}

function printTokens(tokens: readonly Omit<WebToken, 'digest'>[]): void {
  const rows = tokens.map(({ name, role, createdAt }) => [
    name,
    translate(`cli.web.${role}`),
    localTime(createdAt),
  ])
  for (const line of tableLines(rows)) console.log(line)
}

async function turnOn(directory: string, options: OnOptions): Promise<void> {
  const { host, port, name } = options
  const names = name?.map((one) => one.toLowerCase())
  const socket = host === undefined && port === undefined ? options.socket : null
  const { web, webTokens } = await changeSettings(directory, (settings) => ({
    command: 'changeSettings',
    input: { web: { on: true, host, port, names, socket, proxy: readProxy(options, settings.web.proxy) } },
  }))
  const hasStarted = ({ web: now }: AppState) => now?.address != null || now?.problem != null
  const started = (await awaitState(directory, hasStarted))?.web
  if (started?.problem) {
    console.error(terminalWords(started.problem))
    process.exitCode = 1
    return
  }
  if (started?.address) printAddress(started)
  else console.log(translate('cli.web.noAgent'))
  printProxy(web.proxy)
  if (webTokens.length === 0 && web.proxy.userHeader === null) console.log(translate('cli.web.noTokens'))
}

/** Returns the changes of the proxies that the options request. @throws WrongUsage if no proxy would have the users */
function readProxy({ proxy, userHeader, userRole, operator }: OnOptions, now: WebProxy): Partial<WebProxy> {
  if (proxy === false) return webProxySchema.parse({})
  const isAboutUsers = [userHeader, userRole, operator].some((one) => one !== undefined)
  if (isAboutUsers && (proxy ?? now.addresses).length === 0) throw new WrongUsage('cli.web.noProxy')
  return omitUndefined({ addresses: proxy, userHeader, role: userRole, operators: operator })
}

async function turnOff(directory: string): Promise<void> {
  await changeSettings(directory, () => ({ command: 'changeSettings', input: { web: { on: false } } }))
  console.log(translate('cli.web.off'))
}

async function link(directory: string, allowed: string | undefined, { json }: JsonOption): Promise<void> {
  if (allowed !== undefined) {
    const { web } = await changeSettings(directory, () => ({
      command: 'changeSettings',
      input: { web: { link: allowed === 'on' } },
    }))
    if (json) return console.log(jsonText({ link: web.link }))
    return console.log(web.link ? translate('cli.web.linkOn') : translate('web.noLinks'))
  }
  const created = await askForLink(directory)
  if (json) return console.log(jsonText(created))
  for (const line of pageLinkLines(created.link, created.usableUntil)) console.log(line)
}

async function addToken(
  directory: string,
  name: string,
  { viewer, json }: JsonOption & { viewer?: boolean },
): Promise<void> {
  const role = viewer ? 'viewer' : 'operator'
  const { output } = await askForChange(directory, () => ({
    command: 'addWebToken',
    input: { name, role },
  }))
  const { token } = output as { token: string }
  if (json) return console.log(jsonText({ name, role, token }))
  console.log(token)
}

async function removeToken(directory: string, name: string): Promise<void> {
  await changeSettings(directory, () => ({ command: 'removeWebToken', input: { id: name } }))
  console.log(translate('cli.web.tokenRemoved', { name }))
}

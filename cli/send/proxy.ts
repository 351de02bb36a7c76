import type { Command } from 'commander'
import { parseProxyAddress } from '../../core/lib/network/proxy.ts'
import { getProxyRoute, hasProxyPassword, type ProxySettings } from '../../core/settings/proxy.ts'
import { openSecrets } from '../../core/settings/secrets.ts'
import { readSecretFiles } from '../alerts/channel-options.ts'
import { getDataDirectory, withDataDirectory } from '../ask/data-directory.ts'
import { changeSettings, runningState, settingsIn } from '../ask/settings-change.ts'
import { jsonText } from '../terminal/json.ts'
import { collect } from '../terminal/option-words.ts'
import { askSecret, secretsInEnvironment } from '../terminal/secret-words.ts'
import { translate } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'

interface SetOptions {
  user?: string
  secret?: string[]
}

/** `holdfast settings proxy`: prints or changes the proxy towards other networks. */
export function registerProxy(settings: Command): void {
  const proxy = settings
    .command('proxy')
    .description(
      'show or change the proxy through which destinations, channels, sinks of events and other computers are reached',
    )
    .option('--json', 'print the proxy as JSON, without its password')
  withDataDirectory(proxy).action((_options: object, self: Command) => show(self))
  const inner = (name: string, description: string) =>
    withDataDirectory(
      proxy
        .command(name)
        .description(description)
        .option('--json', 'print the proxy as JSON, without its password'),
    )
  inner('show', 'show the proxy').action((_options: object, self: Command) => show(self))
  inner('set', 'use a proxy; its exceptions stay')
    .argument('<address>', 'http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT')
    .option('--user <name>', 'the user; the password is asked for, or taken from HOLDFAST_PASSWORD')
    .option('--secret <field=file>', "password=FILE: a file with the password; '-': standard input", collect)
    .action((address: string, options: SetOptions, self: Command) => setAddress(self, address, options))
  inner('environment', 'use HTTPS_PROXY, ALL_PROXY or HTTP_PROXY, and NO_PROXY, of the environment').action(
    (_options: object, self: Command) => change(self, () => ({ use: 'environment' })),
  )
  inner('except', 'reach hosts directly, besides those that are reached so already')
    .argument('<host...>', 'a name with its subdomains, an address, or a network such as 10.0.0.0/8')
    .option('--remove', 'reach them through the proxy again')
    .action((hosts: string[], { remove = false }: { remove?: boolean }, self: Command) =>
      change(self, ({ except }) => {
        const others = except.filter((one) => !hosts.includes(one))
        return { except: remove ? others : [...others, ...new Set(hosts)] }
      }),
    )
  inner('off', 'use no proxy; its address and exceptions stay for the next time').action(
    (_options: object, self: Command) => change(self, () => ({ use: 'none' })),
  )
}

async function setAddress(self: Command, given: string, options: SetOptions): Promise<void> {
  const parsed = parseProxyAddress(given)
  if (parsed === null) throw new WrongUsage('cli.proxy.invalid', { given })
  const { address, user: named } = parsed
  if (parsed.password !== '') throw new WrongUsage('cli.proxy.inAddress', { address, user: named })
  const directory = getDataDirectory(self)
  const agent = await runningState(directory)
  const before = settingsIn(agent, directory).proxy
  const isSame = before.address === address
  const user = options.user ?? (named || (isSame ? before.user : ''))
  if (user === '' && options.secret !== undefined)
    throw new WrongUsage('cli.proxy.secretWithoutUser', { address })
  const secrets: Record<string, string> =
    user === '' ? {} : { ...secretsInEnvironment(['password']), ...readSecretFiles(options) }
  const isKept = isSame && before.user === user && options.user === undefined
  if (user !== '' && secrets.password === undefined && !isKept) secrets.password = await askSecret('password')
  await change(self, () => ({ use: 'address', address, user }), secrets)
}

async function change(
  self: Command,
  update: (before: ProxySettings) => Partial<ProxySettings>,
  secrets: Record<string, string> = {},
): Promise<void> {
  await changeSettings(getDataDirectory(self), ({ proxy }) => ({
    command: 'setProxy',
    input: { proxy: { ...proxy, ...update(proxy) }, secrets },
  }))
  await show(self)
}

async function show(self: Command): Promise<void> {
  const directory = getDataDirectory(self)
  const agent = await runningState(directory)
  const { proxy } = settingsIn(agent, directory)
  const { use, user, except } = proxy
  const { address, hasPassword } = agent === null ? readAlone(directory, proxy) : agent.proxy
  if (self.optsWithGlobals().json === true)
    return console.log(jsonText({ ...proxy, through: address, hasPassword }))
  if (use === 'none') return console.log(translate('cli.proxy.none'))
  if (address === null) console.log(translate('cli.proxy.environmentNone'))
  else console.log(translate(`cli.proxy.${use}`, { address }))
  if (use === 'address' && user !== '')
    console.log(`  ${translate(hasPassword ? 'cli.proxy.userPassword' : 'cli.proxy.user', { user })}`)
  if (except.length > 0) console.log(`  ${translate('cli.proxy.except', { hosts: except.join(', ') })}`)
}

/** Returns the proxy in force while no agent runs. */
function readAlone(
  directory: string,
  proxy: ProxySettings,
): { address: string | null; hasPassword: boolean } {
  const secrets = openSecrets(directory, null).get()
  return { address: getProxyRoute(proxy, secrets)?.address ?? null, hasPassword: hasProxyPassword(secrets) }
}

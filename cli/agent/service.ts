import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import path from 'node:path'
import { Argument, type Command } from 'commander'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { jsonText } from '../terminal/json.ts'
import { parsePath } from '../terminal/path-words.ts'
import { terminalWords } from '../terminal/terminal-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import {
  defaultReceiverConfig,
  defaultServiceData,
  findProgram,
  type Scope,
  type ServiceDefinition,
  type ServiceName,
  serviceNames,
} from './service/definition.ts'
import { buildPlan, type ServicePlan } from './service/plan.ts'
import { RECEIVER_USER, readConfiguredStore, readyStore, writeConfig } from './service/receiver-files.ts'
import { mustRun, run } from './service/run.ts'

interface Options {
  user?: boolean
  system?: boolean
  store?: string
  data?: string
  runAs?: string
  json?: boolean
}

const NOT_RUNNING = 3
const say = (sentence: Message) => console.log(terminalWords(sentence))

/** `holdfast service`: installs the agent or the receiver as a service that starts with the computer. */
export function registerService(program: Command): void {
  const service = program
    .command('service')
    .description('start the agent or a receiver with the computer, and restart it when it ends')
  const inner = (name: string, description: string) =>
    service
      .command(name)
      .description(description)
      .addArgument(
        new Argument('[what]', 'agent, or receive: a receiver').choices(serviceNames).default('agent'),
      )
      .option('--user', 'for the user who runs this (the default, except for root)')
      .option('--system', 'for the whole computer (the default for root)')
  inner('install', 'install the service and start it; rerun to apply changes')
    .option('--store <folder>', 'of a receiver: the folder where it keeps files', parsePath)
    .option('--data <folder>', 'of an agent: its data folder', parsePath)
    .option(
      '--run-as <user>',
      `with --system: who it runs as (an agent: who used sudo; a receiver: ${RECEIVER_USER})`,
    )
    .action(install)
  inner('status', 'show whether it runs; exit code 0: it does, 3: it does not')
    .option('--json', 'print it as JSON')
    .action(status)
  inner('uninstall', 'stop it and uninstall it; its files, settings and data stay').action(uninstall)
}

function getScope({ user = false, system = false }: Options): Scope {
  if (user && system) throw new WrongUsage('cli.service.twoScopes')
  if (user || system) return user ? 'user' : 'system'
  return process.getuid?.() === 0 ? 'system' : 'user'
}

/** @param store of a receiver, where it is needed. */
function defineService(name: ServiceName, options: Options, store = ''): ServiceDefinition {
  const scope = getScope(options)
  const { platform, env } = process
  const data =
    options.data === undefined ? defaultServiceData(scope, platform, env) : path.resolve(options.data)
  const usual = name === 'receive' ? RECEIVER_USER : (env.SUDO_USER ?? userInfo().username)
  return {
    name,
    scope,
    program: findProgram(process.argv[1] ?? ''),
    directory: name === 'agent' ? data : store,
    config: defaultReceiverConfig(scope, platform, env),
    user: options.runAs ?? usual,
  }
}

/** @throws UserError cli.service.unknownSystem */
function knownPlan(service: ServiceDefinition): ServicePlan {
  const plan = buildPlan(process.platform, service)
  if (plan === null) throw new UserError('cli.service.unknownSystem', { system: process.platform })
  return plan
}

function refuseWithoutRoot(scope: Scope): void {
  if (scope === 'system' && process.platform !== 'win32' && process.getuid?.() !== 0)
    throw new UserError('cli.service.needsRoot')
}

async function install(name: ServiceName, options: Options): Promise<void> {
  const scope = getScope(options)
  refuseWithoutRoot(scope)
  if (name === 'agent' && options.store !== undefined) throw new WrongUsage('cli.service.storeOfAgent')
  const { config } = defineService(name, options)
  const store = name === 'receive' ? await readConfiguredStore(config, options.store) : ''
  const service = defineService(name, options, store)
  const plan = knownPlan(service)
  if (name === 'receive' && scope === 'system' && process.platform === 'linux')
    await readyStore(store, service.user)
  const madeConfig = name === 'receive' && (await writeConfig(config, store))
  const isNew = !existsSync(plan.file)
  if (!isNew) for (const command of plan.stop) await run(command)
  await mkdir(path.dirname(plan.file), { recursive: true })
  const mark = plan.encoding === 'utf16le' ? '\ufeff' : ''
  await writeFile(plan.file, mark + plan.text, { encoding: plan.encoding, mode: 0o644 })
  try {
    for (const command of plan.start) await mustRun(command)
  } catch (error) {
    if (isNew) await takeAway(plan)
    // Otherwise the next attempt would use this store, whatever it is given.
    if (madeConfig) await rm(config)
    throw error
  }
  say(message('cli.service.installed', { file: plan.file, name, scope }))
  tellNext(service)
}

/** Prints the user's next step. */
function tellNext({ name, scope, directory, user }: ServiceDefinition): void {
  if (name === 'receive') {
    const as = scope === 'system' && process.platform === 'linux' ? `sudo -u ${user} ` : ''
    say(message('cli.service.pairNext', { as, path: directory }))
  } else say(message('cli.service.protectNext', { directory }))
  if (scope === 'user' && process.platform === 'linux') say(message('cli.service.linger'))
}

async function status(name: ServiceName, options: Options): Promise<void> {
  const service = defineService(name, options)
  const { file, ask, running: pattern } = knownPlan(service)
  const installed = existsSync(file)
  const running = installed && pattern.test((await run(ask)).out)
  process.exitCode = running ? 0 : NOT_RUNNING
  const { scope } = service
  if (options.json) return console.log(jsonText({ service: name, scope, file, installed, running }))
  const key = running ? 'cli.service.runs' : installed ? 'cli.service.stopped' : 'cli.service.none'
  say(message(key, { file, name, scope }))
}

async function uninstall(name: ServiceName, options: Options): Promise<void> {
  const service = defineService(name, options)
  const { scope } = service
  refuseWithoutRoot(scope)
  const plan = knownPlan(service)
  const { file } = plan
  if (!existsSync(file)) return say(message('cli.service.notInstalled', { file }))
  await takeAway(plan)
  say(message('cli.service.removed', { file }))
}

async function takeAway({ file, stop, forget }: ServicePlan): Promise<void> {
  for (const command of stop) await run(command)
  await rm(file)
  for (const command of forget) await run(command)
}

import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { defaultDataDirectory } from '../../../core/settings/default-directory.ts'

export const serviceNames = ['agent', 'receive'] as const
export type ServiceName = (typeof serviceNames)[number]
export type Scope = 'user' | 'system'

/** The program that a service runs, its user, and its directories. */
export interface ServiceDefinition {
  name: ServiceName
  scope: Scope
  /** Node.js and the script of the command line. */
  program: readonly string[]
  /** The agent's data directory, or the receiver's store. */
  directory: string
  /** The receiver's configuration file. */
  config: string
  /** The user that a system service runs as. */
  user: string
}

/** Returns the arguments of the service's program. */
export const getArguments = ({ name, directory, config }: ServiceDefinition): string[] =>
  name === 'agent' ? ['agent', '--data', directory] : ['receive', '--config', config]

/**
 * Returns the command that starts the service. In a checkout builds are replaced, so it is the source; elsewhere it is
 * the script that runs now.
 *
 * @param script of the command line that runs
 */
export function findProgram(script: string): readonly string[] {
  const source = path.resolve(path.dirname(script), '../../../cli/holdfast.ts')
  return [process.execPath, existsSync(source) ? source : path.resolve(script)]
}

/** Returns the agent's default data directory. */
export function defaultServiceData(scope: Scope, platform: NodeJS.Platform, env: NodeJS.ProcessEnv): string {
  if (scope === 'user') return defaultDataDirectory(env, platform)
  if (platform === 'darwin') return '/Library/Application Support/Holdfast'
  if (platform === 'win32') return path.win32.join(env.ProgramData ?? 'C:\\ProgramData', 'Holdfast')
  return '/var/lib/holdfast-agent'
}

/** Returns the path of the receiver's configuration. */
export function defaultReceiverConfig(
  scope: Scope,
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
): string {
  if (platform !== 'linux') return path.join(defaultServiceData(scope, platform, env), 'receive.json')
  if (scope === 'system') return '/etc/holdfast/receive.json'
  return path.join(env.XDG_CONFIG_HOME || path.join(homedir(), '.config'), 'holdfast/receive.json')
}

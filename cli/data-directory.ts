import path from 'node:path'
import type { Command } from 'commander'
import { defaultDataDirectory } from '../core/settings/default-directory.ts'
import { parsePath } from './path-words.ts'

/** Adds the option that all commands about a running agent have. */
export function withDataDirectory(command: Command): Command {
  return command.option('--data <directory>', "Holdfast's data directory (or HOLDFAST_HOME)", parsePath)
}

export function resolveDataDirectory(options: { data?: string }): string {
  return options.data === undefined
    ? defaultDataDirectory(process.env, process.platform)
    : path.resolve(options.data)
}

/** Returns the --data option that a suggested command needs; empty for the default data directory. */
export const dataWords = (directory: string): string =>
  directory === resolveDataDirectory({}) ? '' : ` --data '${directory}'`

/** Returns the data directory of an inner command: the option may precede or follow the command's name. */
export const getDataDirectory = (command: Command): string =>
  resolveDataDirectory(command.optsWithGlobals<{ data?: string }>())

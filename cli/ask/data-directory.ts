import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { shellWord } from '../../core/lib/i18n/formats.ts'
import { UserError } from '../../core/lib/i18n/user-error.ts'
import { defaultDataDirectory } from '../../core/settings/default-directory.ts'
import { parsePath } from '../terminal/path-words.ts'

/** Adds the option that all commands about a running agent have. */
export function withDataDirectory(command: Command): Command {
  return command.option('--data <folder>', "Holdfast's data folder (or HOLDFAST_HOME)", parsePath)
}

export function resolveDataDirectory(options: { data?: string }): string {
  return options.data === undefined
    ? defaultDataDirectory(process.env, process.platform)
    : path.resolve(options.data)
}

/** Returns the --data option that a suggested command needs; empty for the default data directory. */
export const dataWords = (directory: string): string =>
  directory === resolveDataDirectory({}) ? '' : ` --data ${shellWord(directory)}`

/** Returns the data directory of an inner command: the option may precede or follow the command's name. */
export const getDataDirectory = (command: Command): string =>
  resolveDataDirectory(command.optsWithGlobals<{ data?: string }>())

/** Returns a command's action that gets the data directory before the arguments and the options. */
export const inData =
  <Given extends unknown[]>(action: (directory: string, ...given: Given) => void | Promise<void>) =>
  (...given: unknown[]): void | Promise<void> =>
    action(getDataDirectory(given.at(-1) as Command), ...(given.slice(0, -1) as Given))

/** A mistyped directory must not be created as an empty one. @throws UserError data.missing */
export function refuseMissing(directory: string): void {
  if (!existsSync(directory)) throw new UserError('data.missing', { directory })
}

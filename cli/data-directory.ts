import path from 'node:path'
import type { Command } from 'commander'
import { defaultDataDirectory } from '../core/settings/default-directory.ts'
import { parsePath } from './path-words.ts'

/** Adds the option that every command about a running agent has. */
export function withDataDirectory(command: Command): Command {
  return command.option(
    '--data <directory>',
    'where Holdfast keeps its own things (or HOLDFAST_HOME)',
    parsePath,
  )
}

export function dataDirectoryOf(options: { data?: string }): string {
  return options.data === undefined
    ? defaultDataDirectory(process.env, process.platform)
    : path.resolve(options.data)
}

/** What a command about this data directory has to be told besides; nothing where it is the usual one. */
export const dataWords = (directory: string): string =>
  directory === dataDirectoryOf({}) ? '' : ` --data '${directory}'`

/** That of an inner command: it may be named before or after the inner command's name. */
export const dataOf = (command: Command): string =>
  dataDirectoryOf(command.optsWithGlobals<{ data?: string }>())

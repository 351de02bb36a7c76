import { type Command, Option } from 'commander'
import { LINE_NOTIFY_ENDPOINT } from '../../core/alerts/channels/line.ts'
import { withDataDirectory } from '../ask/data-directory.ts'
import { endChild, isChild, runInChild } from '../ask/in-child.ts'
import { parseTemplate, parseTimeout } from '../terminal/option-words.ts'
import { collectPaths } from '../terminal/path-words.ts'
import { WrongUsage } from '../terminal/wrong-usage.ts'
import type { ProbeOptions } from './probe-run.ts'

/** Seconds after which a step hangs. */
const PROBE_SECONDS = 10

interface CheckOptions extends Omit<ProbeOptions, 'timeout'> {
  /** Seconds. */
  timeout?: number
  pipe: boolean
  quoted: boolean
}

/** `holdfast check`: checks directories once, or paths for a parent program as the path checking helper did. */
export function registerCheck(program: Command): void {
  const command = program
    .command('check')
    .description(
      'test once whether files can be created, listed and removed: in each path that is a folder, else in the ' +
        'folder around it, as touch does, also where nothing has that name (a missing folder is not an error); ' +
        'without a path, in all folders and checked paths of the settings. It prints failures only, and without a path ' +
        'each result; exit code 0: everything is OK, 1: a step failed, 2: wrong usage. Without a path and a terminal it ' +
        'works as with --pipe',
    )
    .argument('[path...]', 'folders to test, or names in them', collectPaths)
    .option('--project <code>', 'project code in the message (default: that of the settings)')
    .option('--resource <id>', 'resource id in the message (default: that of the settings, else the path)')
    .option(
      '--template <text>',
      'the message, with {project}, {resource}, {path}, {step} and \\n for a new line',
      parseTemplate,
    )
    .option(
      '--timeout <time>',
      'a step that takes longer hangs, and has failed: 10s (default), 2m; with --pipe, print "check PATH 110 …" once for ' +
        'a check that takes longer (default: never)',
      parseTimeout,
    )
    .option(
      '--json',
      'print the result as JSON: well, delivered, and paths, each with path, well, kind, step, code, elapsedMs, failedSteps and sentence',
      false,
    )
    .option('--channel <name>', 'also send each message through this channel (repeatable)', collectPaths)
    .option('--line-token-file <file>', 'also post each message to LINE Notify, with the token in this file')
    .option('--line-endpoint <url>', 'an endpoint that takes the form of LINE Notify', LINE_NOTIFY_ENDPOINT)
    .option(
      '--pipe',
      'check paths for a parent program: commands "start PATH SECONDS" and "stop PATH" on standard input, events on ' +
        'standard output, log messages on standard error; PATH is a file or a block device',
      false,
    )
    .addOption(
      new Option('--quoted', 'with --pipe: read and write paths with spaces in double quotes')
        .default(false)
        .implies({ pipe: true }),
    )
  withDataDirectory(command).action(async (paths: string[], options: CheckOptions) => {
    if (options.pipe && paths.length > 0) throw new WrongUsage('cli.check.pipePaths')
    const isPipe = options.pipe || (paths.length === 0 && process.stdin.isTTY !== true)
    if (isPipe) return (await import('./pipe.ts')).runPipe(options)
    const { timeout = PROBE_SECONDS, channel, lineTokenFile } = options
    if (!isChild) {
      const isSent = channel !== undefined || lineTokenFile !== undefined
      // Loaded for this only: probes are for cron, and start fast.
      const code =
        paths.length > 0 || isSent
          ? null
          : await (await import('./check-all.ts')).checkAll({ ...options, timeout })
      if (code === null) return runInChild(process.stdout, process.stderr)
      process.exitCode = code
      return
    }
    // Loaded in the child only.
    const { runProbe } = await import('./probe-run.ts')
    return endChild(await runProbe(paths, { ...options, timeout }), [process.stdout, process.stderr])
  })
}

import type { Command } from 'commander'
import { LINE_NOTIFY_ENDPOINT } from '../core/alerts/channels/line.ts'
import { withDataDirectory } from './data-directory.ts'
import { endChild, isChild, runInChild } from './in-child.ts'
import { parseTemplate, parseTimeout } from './option-words.ts'
import { collectPaths } from './path-words.ts'
import type { ProbeOptions } from './probe-run.ts'

/** `holdfast probe`: runs the read-only monitor's three steps once, for cron. */
export function registerProbe(program: Command): void {
  const command = program
    .command('probe')
    .description(
      'test once whether files can be created, listed and removed: in each path that is a directory, else in the ' +
        'directory around it, as touch does, also where nothing has that name (a missing directory is not an error); ' +
        'prints nothing when everything is OK, and exits 0 then, 1 when a step failed, 2 on wrong usage',
    )
    .argument('<path...>', 'directories to test, or names in them', collectPaths)
    .option('--project <code>', 'project code in the message (default: that of the settings)')
    .option('--resource <id>', 'resource id in the message (default: that of the settings, else the path)')
    .option(
      '--template <text>',
      'the message, with {project}, {resource}, {path}, {step} and \\n for a new line',
      parseTemplate,
    )
    .option('--timeout <time>', 'a step that takes longer hangs, and has failed: 10s, 2m', parseTimeout, 10)
    .option('--json', 'print the result as JSON', false)
    .option('--channel <name>', 'also send each message through this channel (repeatable)', collectPaths)
    .option('--line-token-file <file>', 'also post each message to LINE Notify, with the token in this file')
    .option('--line-endpoint <url>', 'an endpoint that takes the form of LINE Notify', LINE_NOTIFY_ENDPOINT)
  withDataDirectory(command).action(async (paths: string[], options: ProbeOptions) => {
    if (!isChild) return runInChild(process.stdout, process.stderr)
    // Loaded in the child only.
    const { runProbe } = await import('./probe-run.ts')
    return endChild(await runProbe(paths, options), [process.stdout, process.stderr])
  })
}

import { type Command, InvalidArgumentError } from 'commander'
import { readFile } from '../core/check/probes/file-probes.ts'
import { createConcurrencyLimit } from '../core/check/scheduler/timetable.ts'
import { createLogOutput, serveStdio } from '../core/check/stdio/serve-stdio.ts'
import { withTimeout } from '../core/lib/async/timing.ts'
import { endChild, isChild, runInChild } from './in-child.ts'
import { openOutput } from './open-output.ts'

/** How long a parent that reads slowly may delay the requested exit, in milliseconds. */
const END_WITHIN_MS = 200

/** `holdfast check`: the path checking helper's protocol on standard input and output. */
export function registerCheck(program: Command): void {
  program
    .command('check')
    .description(
      'check paths for a parent program: commands "start PATH SECONDS" and "stop PATH" on standard input, ' +
        'events on standard output, log messages on standard error. PATH is a file or a block device: ' +
        'a directory cannot be read, and its checks fail',
    )
    .option(
      '--timeout <seconds>',
      'print "check PATH 110 …" once for a check that takes longer',
      parseSeconds,
    )
    .option('--quoted', 'read and write paths with spaces in double quotes', false)
    .action(({ timeout, quoted }: { timeout?: number; quoted: boolean }) =>
      isChild ? runCheck(timeout ?? null, quoted) : runInChild(openOutput(1), openOutput(2)),
    )
}

/** Parses a positive number of seconds, at most a day, as everywhere in the protocol. */
function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!(seconds > 0 && seconds <= 86_400)) {
    throw new InvalidArgumentError('It must be a number of seconds above 0, at most 86400.')
  }
  return seconds
}

async function runCheck(timeoutSeconds: number | null, quoted: boolean): Promise<void> {
  const output = openOutput(1)
  const errors = openOutput(2)
  const endSoon = () => {
    process.stdin.pause()
    setTimeout(() => void endChild(0, []), END_WITHIN_MS)
    void endChild(0, [output, errors])
  }
  process.once('SIGTERM', endSoon)
  process.once('SIGINT', endSoon)
  await serveStdio({
    input: process.stdin,
    output,
    log: createLogOutput(errors),
    readFile: (path) => readFile(path, { isBuffered: false }),
    limit: createConcurrencyLimit(),
    options: { timeoutMs: timeoutSeconds === null ? null : timeoutSeconds * 1000, quoted },
  })
  // A parent that does not read the log must not delay the exit.
  const logged = new Promise<void>((resolve) => errors.end(resolve))
  await Promise.all([new Promise<void>((resolve) => output.end(resolve)), withTimeout(END_WITHIN_MS, logged)])
  await endChild(0, [])
}

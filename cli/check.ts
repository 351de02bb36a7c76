import { fileURLToPath } from 'node:url'
import { type Command, InvalidArgumentError } from 'commander'
import { systemClock } from '../core/check/clock.ts'
import { createProberPool } from '../core/check/prober/prober-pool.ts'
import { createLogOutput } from '../core/check/stdio/log-output.ts'
import { serveStdio } from '../core/check/stdio/serve-stdio.ts'
import { openOutput } from '../core/check/stdio/streams.ts'
import { message } from '../core/words/message.ts'
import { englishWords } from '../core/words/words.ts'
import { workerScript } from './worker-script.ts'

const PROBER = fileURLToPath(workerScript('prober'))

/** How long a parent that reads slowly may keep a process that was asked to end, in milliseconds. */
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
    .option('--timeout <seconds>', 'say "check PATH 110 …" once for a check that takes longer', parseSeconds)
    .option('--quoted', 'read and write paths with spaces in double quotes', false)
    .action(({ timeout, quoted }: { timeout?: number; quoted: boolean }) => runCheck(timeout ?? null, quoted))
}

/** A positive number of seconds, at most a day, as the protocol has it everywhere. */
function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (!(seconds > 0 && seconds <= 86_400)) {
    throw new InvalidArgumentError('It must be a number of seconds above 0, at most 86400.')
  }
  return seconds
}

async function runCheck(timeoutSeconds: number | null, quoted: boolean): Promise<void> {
  const output = openOutput(1)
  const log = createLogOutput(openOutput(2))
  const prober = createProberPool(PROBER, (reason) =>
    log('ERROR', englishWords(message('check.proberEnded', { reason }))),
  )
  const end = () => {
    prober.close()
    // This process touches no user's path itself, so nothing in it can be stuck.
    process.exit(0)
  }
  const endSoon = () => {
    process.stdin.pause()
    setTimeout(end, END_WITHIN_MS)
    output.end(end)
  }
  process.once('SIGTERM', endSoon)
  process.once('SIGINT', endSoon)
  await serveStdio({
    input: process.stdin,
    output,
    log,
    prober,
    clock: systemClock,
    options: { timeoutMs: timeoutSeconds === null ? null : timeoutSeconds * 1000, quoted },
  })
  end()
}
